"""Which kind a field is of, by the rule in `kind_of`, and what a kind is made of: one line in `KINDS`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from embedreg.features._boolean import BooleanColumn
from embedreg.features._category import CategoryColumn
from embedreg.features._date import DateColumn, read_date
from embedreg.features._number import NumberColumn
from embedreg.features._quantity import QuantityColumn, common_units
from embedreg.features._text import TextColumn
from embedreg.features._values import is_missing_word, is_number, number, written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embedreg.features._column import Column

KINDS: Final[dict[str, tuple[type[Column], ...]]] = {
    "empty": (),
    "boolean": (BooleanColumn,),
    "number": (NumberColumn,),
    "quantity": (QuantityColumn,),
    "date": (DateColumn,),
    "category": (CategoryColumn,),
    "mixed": (NumberColumn, CategoryColumn),  # a cell goes to the first that can read it
    "text": (TextColumn,),
}

WORDLESS: Final = frozenset({"number", "quantity", "date"})
"""Kinds of which a text that says so is a missing value, as in a table all of whose cells are texts."""

_FEW: Final = 10
_LONG: Final = 30


def kind_of(cells: Sequence[Any], max_categories: int) -> str:
    """Return the kind of a field from its training cells.

    Parameters
    ----------
    cells
        Scalars; None where missing.
    max_categories
        The largest number of levels a category has.

    Returns
    -------
    str
        The first that holds of the cells that are not missing:

        - "empty": there are none;
        - "boolean": all are booleans;
        - "number": all are numbers, times of day or durations, texts that spell one of these or say that there is
          no value (as `core/spelling.py` has it), or booleans among such;
        - "quantity": all are numbers with units of one dimension, as `common_units` says, or say that there is no value;
        - "date": all are dates, or texts that spell one by ISO 8601 or say that there is no value;
        - "mixed": some are numbers, and the others would be a category;
        - "category": written out they have at most `max_categories` levels, and no more than half as many as
          there are cells (or no more than 10, of 30 characters at most on average);
        - "text": anything else.

    Examples
    --------
    >>> kind_of([1, 2.5, None], 40), kind_of(["sgd", "adam", "sgd"], 40), kind_of([0.1, "auto", 0.2], 40)
    ('number', 'category', 'mixed')
    >>> kind_of(["1", "2.5", "nan"], 40), kind_of(["02139", "10115"], 40)
    ('number', 'category')
    """
    present = [cell for cell in cells if cell is not None]
    wordless = _wordless_kind(present)
    if wordless is not None:
        return wordless
    has_numbers = any(is_number(cell) for cell in present)
    words = [written(cell) for cell in present if not has_numbers or number(cell) is None]
    if not _is_category(words, max_categories):
        return "text"
    return "mixed" if has_numbers else "category"


def are_words(cells: Sequence[Any]) -> bool:
    """Whether some cells of a field, None where missing, are no other way to write booleans, numbers, quantities or dates.

    Examples
    --------
    >>> are_words(["red", "2", "blue"]), are_words(["1", "2"]), are_words(["64MB", "1GB", None])
    (True, False, False)
    """
    return _wordless_kind([cell for cell in cells if cell is not None]) is None


def _wordless_kind(present: list[Any]) -> str | None:
    """Return the kind of a field without words, None if it has some."""
    if not present:
        return "empty"
    if all(isinstance(cell, bool) for cell in present):
        return "boolean"
    told = [cell for cell in present if not is_missing_word(cell)]
    if any(_tells_a_number(cell) for cell in told) and all(number(cell) is not None for cell in told):
        return "number"
    if common_units(told) is not None:
        return "quantity"
    return "date" if told and all(read_date(cell) is not None for cell in told) else None


def _tells_a_number(cell: Any) -> bool:
    """Whether a cell makes its field one of numbers; infinity is a word as well, and a boolean has its own kind."""
    if isinstance(cell, str):
        value = number(cell)
        return value is not None and math.isfinite(value)
    return is_number(cell)


def _is_category(texts: list[str], max_categories: int) -> bool:
    levels = len(set(texts))
    if levels > max_categories:
        return False
    are_short = sum(map(len, texts)) <= _LONG * len(texts)
    return 2 * levels <= len(texts) or (are_short and levels <= _FEW)
