"""An array of real numbers from whatever holds them, or the row of the first value that is none."""

from __future__ import annotations

import datetime as dt
import math
import reprlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from embedreg.core.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_ROWS_NAMED: Final = 5
_TIMES: Final = (dt.date, dt.time, dt.timedelta, np.datetime64, np.timedelta64)


def real_numbers(values: ArrayLike, what: str) -> NDArray[np.float64]:
    """Return values as float64, in their shape; None and NA become NaN.

    Parameters
    ----------
    values
        Numbers, or texts that spell them; an array, a table or (nested) lists.
    what
        What they are called in messages: "targets".

    Raises
    ------
    DataError
        If entries are masked, or are times, complex, too large for a float64 or no numbers at all.

    Examples
    --------
    >>> real_numbers([1, "2.5", None], "targets")
    array([1. , 2.5, nan])
    """
    _refuse_masked(values, what)
    try:
        given = np.asarray(values)
    except ValueError as error:
        raise DataError(
            f"{what} of different lengths ({error})", expected="rows of one length", mend="make them equal"
        ) from None
    if given.dtype.kind in "biuf":
        with np.errstate(over="ignore"):  # of a longer float, which is then infinite
            return given.astype(np.float64)
    if given.dtype.kind == "c":
        raise _complex(given, what)
    width = max(1, math.prod(given.shape[1:]))
    cells = [_number(cell, place // width, what) for place, cell in enumerate(given.ravel())]
    return np.array(cells, dtype=np.float64).reshape(given.shape)


def first_rows(chosen: NDArray[np.bool_]) -> str:
    """Return the numbers of the first few rows that are chosen, shape (n,) or (n, columns), for a message.

    Examples
    --------
    >>> first_rows(np.array([False, True, True]))
    '1, 2'
    """
    rows = np.flatnonzero(chosen.reshape(len(chosen), -1).any(axis=1))
    return ", ".join(map(str, rows[:_ROWS_NAMED]))


def _number(cell: Any, row: int, what: str) -> float:
    if isinstance(cell, _TIMES):
        raise DataError(
            f"{what} that are times: {cell} in row {row}",
            expected="numbers, in a unit of your choice",
            mend="convert them: durations / np.timedelta64(1, 's') is in seconds, and so is "
            "(times - times.min()) / np.timedelta64(1, 's')",
        )
    if cell is None or type(cell).__name__ == "NAType":  # pandas', which need not be there
        return math.nan
    try:
        if isinstance(cell, str) and "_" in cell:  # 1_000 is a number to Python alone
            raise ValueError
        return float(cell)
    except OverflowError:
        raise DataError(
            f"{what} that are too large: {reprlib.repr(cell)} in row {row}",
            expected="numbers that a 64-bit float can hold",
            mend="divide all by a constant, or take their logarithms",
        ) from None
    except (TypeError, ValueError):
        raise DataError(
            f"{what} that are no numbers: {reprlib.repr(cell)} in row {row}",
            expected="one number a record",
            mend="convert that value, or drop the row",
        ) from None


def _refuse_masked(values: ArrayLike, what: str) -> None:
    if not np.ma.isMaskedArray(values) or not np.ma.is_masked(values):
        return
    masked = np.atleast_1d(np.ma.getmaskarray(values))
    raise DataError(
        f"{np.count_nonzero(masked)} masked {what}, the first in rows {first_rows(masked)}",
        expected="an array without masked entries",
        mend="drop those rows, or put values in their place with .filled(value)",
    )


def _complex(given: NDArray[Any], what: str) -> DataError:
    place = int(np.argmax(given.imag.ravel() != 0))
    width = max(1, math.prod(given.shape[1:]))
    return DataError(
        f"{what} that are complex: {given.ravel()[place]} in row {place // width}. Complex data not supported",
        expected="real numbers",
        mend="give the real part, the imaginary part or the absolute value",
    )
