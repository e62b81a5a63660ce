"""Which kind a field is of, by the rule in `kind_of`, and what a kind is made of: one line in `KINDS`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from embedreg.features._boolean import BooleanColumn
from embedreg.features._category import CategoryColumn
from embedreg.features._date import DateColumn, read_date
from embedreg.features._number import NumberColumn
from embedreg.features._text import TextColumn
from embedreg.features._values import is_number, number, written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embedreg.features._column import Column

KINDS: Final[dict[str, tuple[type[Column], ...]]] = {
    "empty": (),
    "boolean": (BooleanColumn,),
    "number": (NumberColumn,),
    "date": (DateColumn,),
    "category": (CategoryColumn,),
    "mixed": (NumberColumn, CategoryColumn),  # a cell goes to the first that can read it
    "text": (TextColumn,),
}

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
        - "number": all are numbers, times of day or durations, or booleans or spelt numbers among such;
        - "mixed": some are numbers, and the others would be a category;
        - "date": all are dates, or texts that spell one by ISO 8601;
        - "category": written out they have at most `max_categories` levels, and no more than half as many as
          there are cells (or no more than 10, of 30 characters at most on average);
        - "text": anything else.

    Examples
    --------
    >>> kind_of([1, 2.5, None], 40), kind_of(["sgd", "adam", "sgd"], 40), kind_of([0.1, "auto", 0.2], 40)
    ('number', 'category', 'mixed')
    """
    present = [cell for cell in cells if cell is not None]
    if not present:
        return "empty"
    if all(isinstance(cell, bool) for cell in present):
        return "boolean"
    if any(is_number(cell) for cell in present):
        others = [written(cell) for cell in present if number(cell) is None]
        if not others:
            return "number"
        return "mixed" if _is_category(others, max_categories) else "text"
    if all(read_date(cell) is not None for cell in present):
        return "date"
    return "category" if _is_category([written(cell) for cell in present], max_categories) else "text"


def _is_category(texts: list[str], max_categories: int) -> bool:
    levels = len(set(texts))
    if levels > max_categories:
        return False
    are_short = sum(map(len, texts)) <= _LONG * len(texts)
    return 2 * levels <= len(texts) or (are_short and levels <= _FEW)
