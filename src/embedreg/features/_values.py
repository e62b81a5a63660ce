"""Single cells: which are missing, what number one holds, how one is written."""

from __future__ import annotations

import datetime as dt
import decimal
import math
from typing import Any, Final

from embedreg.core.errors import DataError
from embedreg.core.spelling import spells_missing, spelt_number, spelt_seconds

LARGEST: Final = 1e300
"""A larger number counts as infinite: it stands for 'no limit', and its differences could overflow."""

_SCALARS: Final = (str, int, float, decimal.Decimal, dt.date, dt.time, dt.timedelta)
_MISSING_TYPES: Final = frozenset({"NAType", "NaTType"})  # pandas, which need not be installed

_TRUTHS: Final = ("false", "true")


def is_missing(cell: Any) -> bool:
    """Whether a cell is None, NaN, NaT or NA."""
    if cell is None or isinstance(cell, float):
        return cell is None or math.isnan(cell)
    if isinstance(cell, decimal.Decimal):
        return cell.is_nan()
    return type(cell).__name__ in _MISSING_TYPES


def is_missing_word(cell: Any) -> bool:
    """Whether a cell is a text that says that there is no value."""
    return isinstance(cell, str) and spells_missing(cell)


def check_types(name: str, cells: list[Any]) -> None:
    """Refuse values that have no traditional features, such as sets, bytes or objects.

    Raises
    ------
    DataError
        Naming the field and the type.
    """
    wrong = [
        kind for kind in set(map(type, cells)) if kind is not type(None) and not issubclass(kind, _SCALARS)
    ]
    if wrong:
        raise DataError(
            f"a value of type {wrong[0].__name__} in field {name!r}",
            expected="numbers, texts, booleans, dates, times, None, or lists and mappings of those",
            mend="convert the value, or leave the field out",
        )


def is_number(cell: Any) -> bool:
    """Whether a cell is a number, a time of day or a duration, rather than a text that spells a number."""
    return isinstance(cell, (int, float, decimal.Decimal, dt.time, dt.timedelta)) and not isinstance(
        cell, bool
    )


def number(cell: Any) -> float | None:
    """Return the number that a cell holds, or spells as `spelt_number` or `spelt_seconds` says, or None.

    Examples
    --------
    >>> number(" 1e-3"), number(True), number("auto"), number("007"), number(10**400)
    (0.001, 1.0, None, None, inf)
    """
    if type(cell) is float and -LARGEST <= cell <= LARGEST:
        return cell  # nearly every cell of a large table
    held = _spelt(cell) if isinstance(cell, str) else _seconds(cell)
    if held is None or isinstance(held, dt.date):
        return None
    try:
        value = float(held)
    except OverflowError:
        value = math.inf if held > 0 else -math.inf
    if abs(value) > LARGEST:
        return math.copysign(math.inf, value)
    return None if math.isnan(value) else value


def numeric_value(cell: Any) -> float | None:
    """Return the finite number that a cell holds, not one that it spells, or None.

    Examples
    --------
    >>> numeric_value(2), numeric_value("2"), numeric_value(True), numeric_value(math.inf)
    (2.0, None, None, None)
    """
    value = number(cell) if is_number(cell) else None
    return None if value is None or math.isinf(value) else value


def _spelt(text: str) -> float | None:
    number = spelt_number(text)
    return spelt_seconds(text) if number is None else number


def _seconds(cell: Any) -> Any:
    """Return a duration, or a time since midnight, in seconds; anything else as it is."""
    if isinstance(cell, dt.timedelta):
        return cell.total_seconds()
    if isinstance(cell, dt.time):
        return cell.hour * 3600 + cell.minute * 60 + cell.second + cell.microsecond / 1e6
    return cell


def written(cell: Any) -> str:
    """Return a cell as text: truths in small letters, numbers without a fraction without one, as tables make 1.0 of 1.

    Examples
    --------
    >>> written(1.0), written(0.5), written("Zürich"), written(True), written("True")
    ('1', '0.5', 'Zürich', 'true', 'true')
    """
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, bool):
        return _TRUTHS[cell]
    if isinstance(cell, str) and cell.casefold() in _TRUTHS:
        return cell.casefold()
    if isinstance(cell, (dt.date, dt.time)):
        return cell.isoformat()
    return str(cell)
