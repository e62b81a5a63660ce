"""CSV cells: from text to value and back."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from embedreg.core.errors import UsageError
from embedreg.core.spelling import MISSING_WORDS, spelt_number

if TYPE_CHECKING:
    from embedreg.core.records import Value

_WORDS: Final[dict[str, Value]] = {
    **dict.fromkeys(MISSING_WORDS, None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def cell_value(cell: str) -> Value:
    """Return what a CSV cell means, from this cell alone.

    So a cell means the same in the first row and in the last, when fitting and when predicting. White space
    around it does not count, and:

    - nothing, NA, N/A, NaN, nan, null and NULL are None;
    - true, True and TRUE are True, and likewise False;
    - what spells a number is that number, as `spelt_number` says;
    - all else stays the text it is: also codes like 007.

    Examples
    --------
    >>> [cell_value(cell) for cell in ("12", " -1.50", "007", "NA", "TRUE", "red")]
    [12, -1.5, '007', None, True, 'red']
    """
    text = cell.strip()
    if text in _WORDS:
        return _WORDS[text]
    number = spelt_number(text)
    return cell if number is None else number


def nan_to_none(cell: Any) -> Value:
    """Return the cell, or None for NaN, which many programs write for a missing one."""
    return None if isinstance(cell, float) and math.isnan(cell) else cell


def cell_text(value: Any) -> str:
    """Return the text for a CSV cell. A text stays as it is, None is nothing, a list or mapping is JSON.

    Raises
    ------
    UsageError
        If the value is binary.

    Examples
    --------
    >>> [cell_text(value) for value in (None, True, 0.1, "a,b", [1, None])]
    ['', 'true', '0.1', 'a,b', '[1, null]']
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, (bool, Mapping, list, tuple)):
        return json.dumps(value, ensure_ascii=False, default=json_fallback)
    if isinstance(value, float):
        return repr(value)
    return str(value) if isinstance(value, int) else json_fallback(value)


def json_fallback(value: Any) -> str:
    """Return the text for a value that JSON has no type for: ISO 8601 for dates and times.

    Raises
    ------
    UsageError
        If it is of a type that cannot be written as text.
    """
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, (decimal.Decimal, dt.timedelta)):
        return str(value)
    raise UsageError(
        f"a value of type {type(value).__name__} for a text file",
        expected="numbers, texts, dates, lists and mappings",
        mend="write to .parquet instead, or leave the column out of the data",
    )
