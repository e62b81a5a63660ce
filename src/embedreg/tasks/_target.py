"""The numbers to predict."""

from __future__ import annotations

import decimal
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from embedreg.core.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from embedreg.core.records import Value
    from embedreg.tasks.formats import Row

_ROWS_NAMED: Final = 5
_CHARACTERS_SHOWN: Final = 30


class Target:
    """Collects a target row by row, and what is wrong with it.

    Parameters
    ----------
    name
        The column.
    path
        The file, for messages.
    """

    def __init__(self, name: str, path: Path) -> None:
        self._name = name
        self._path = path
        self._numbers: list[float] = []
        self._faults: list[str] = []
        self._faulty = 0

    def add(self, row: Row, value: Value) -> None:
        """Take the target's value in a row."""
        number = _number(value)
        self._numbers.append(number)
        if not math.isfinite(number):
            self._faulty += 1
            if len(self._faults) < _ROWS_NAMED:
                self._faults.append(f"{_in_words(value)} in {row.place}")

    def array(self) -> NDArray[np.float64]:
        """Return all values, shape (n,).

        Raises
        ------
        DataError
            If one is no finite number, or all are the same.
        """
        if self._faulty:
            raise self._not_finite()
        numbers = np.array(self._numbers, dtype=np.float64)
        if len(numbers) > 1 and np.all(numbers == numbers[0]):
            raise DataError(
                f"a constant target {self._name!r}: {numbers[0]:g} in every row of {self._path}",
                expected="at least two different values",
                mend="choose another target column, or data in which it varies",
            )
        return numbers

    def _not_finite(self) -> DataError:
        more = self._faulty - len(self._faults)
        faults = ", ".join(self._faults) + (f" and {more:,} more" if more else "")
        rows = len(self._numbers)
        return DataError(
            f"no finite number in {self._faulty:,} of {rows:,} rows of the target {self._name!r}: {faults}",
            expected="a finite number in every row",
            mend="correct those rows or drop them" if self._faulty < rows else "choose a numeric column",
        )


def _number(value: Value) -> float:
    """Return the value as a float, NaN if it is no number. True and False are none: they name classes."""
    if isinstance(value, bool) or not isinstance(value, (int, float, decimal.Decimal)):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _in_words(value: Value) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return f"the text {value[:_CHARACTERS_SHOWN]!r}" + ("..." if len(value) > _CHARACTERS_SHOWN else "")
    if isinstance(value, (bool, int, float, decimal.Decimal)):
        return str(value)[:_CHARACTERS_SHOWN]
    return f"a {type(value).__name__}"
