"""Numbers with units, such as 64MB, 10 ms, 2.5 GHz, 50% and 4k, as numbers in one unit."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from embedreg.features._number import NumberColumn
from embedreg.features._values import number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Self

    from embedreg.features._column import Settings

_NO_UNIT: Final = ""
_AMOUNT: Final = re.compile(r"(-?[\d.]+(?:[eE][-+]?\d+)?)\s*([^\W\d_]+|%)")
_LETTERS: Final = "kmgt"
_YEAR: Final = 365.25 * 86400

# In lower case. M for a million, which is no m for minutes, is there in both.
_MAGNITUDES: Final = {
    _NO_UNIT: 1.0,
    **{letter: 1000.0**power for power, letter in enumerate(_LETTERS, 1)},
    "b": 1e9,
    "M": 1e6,
}
_BYTES: Final = {
    **dict.fromkeys(("b", "byte", "bytes"), 1.0),
    **{
        letter + ending: 1024.0**power
        for power, letter in enumerate(_LETTERS, 1)
        for ending in ("", "b", "i", "ib")
    },
    "M": 1024.0**2,
}
_SECONDS: Final = {
    **dict.fromkeys(("ns", "nsec", "nanosecond", "nanoseconds"), 1e-9),
    **dict.fromkeys(("us", "\N{GREEK SMALL LETTER MU}s", "usec", "microsecond", "microseconds"), 1e-6),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
    **dict.fromkeys(("w", "week", "weeks"), 7 * 86400.0),
    **dict.fromkeys(("mo", "month", "months"), _YEAR / 12),
    **dict.fromkeys(("y", "yr", "yrs", "year", "years"), _YEAR),
}
_HERTZ: Final = {
    "hz": 1.0,
    **{letter + "hz": 1000.0**power for power, letter in enumerate(_LETTERS, 1)},
}
_PERCENT: Final = dict.fromkeys(("%", "percent", "pct"), 1.0)
_DIMENSIONS: Final = (_MAGNITUDES, _BYTES, _SECONDS, _HERTZ, _PERCENT)
_DIMENSIONS_OF_SIZES: Final = (_BYTES, _MAGNITUDES)
_BOTH_BILLIONS: Final = frozenset({"b", "g"})
"""Nobody writes a billion both ways: B is a byte there, as 512B is beside 2.0G."""
_SAY_LITTLE_ALONE: Final = frozenset({"m", "g", "t", "b", "B"})  # minutes, metres or millions; grams; bytes


@dataclass(frozen=True, eq=False)
class QuantityColumn(NumberColumn):
    """A number with its unit, in one unit for the whole field, then exactly as a number.

    The units are those of one dimension, in upper or lower case: bytes, time, frequency, percent, or magnitudes
    (k, M, G or B, T, or none). The letters of magnitudes are powers of 1000. Those of bytes are powers of 1024,
    whether MB, MiB or only M is written: within one field only ratios matter. Where all cells have one and the
    same unit, it does not matter which it is.

    Attributes
    ----------
    units
        How much each unit is, by its name.
    """

    kind: ClassVar[str] = "quantity"
    units: dict[str, float]

    @classmethod
    def fit(cls, cells: Sequence[Any], settings: Settings, /) -> Self:
        units = common_units(cell for cell in cells if cell is not None) or {}
        learnt = NumberColumn.fit([_in_units(cell, units) for cell in cells], settings)
        return cls(**vars(learnt), units=units)

    def read(self, cell: Any) -> float | None:
        value = _in_units(cell, self.units)
        return None if value is None else super().read(value)


def common_units(cells: Iterable[Any]) -> dict[str, float] | None:
    """Return how much each unit is that cells of their dimension may have, or None if not all cells have such.

    Numbers without a unit are magnitudes; nought and infinity are the same in all units. A letter that stands for units
    of several dimensions needs another unit beside it, or is the only one.

    Examples
    --------
    >>> units = common_units(["10ms", "1.5 s", 0])
    >>> units["s"] / units["ms"]
    1000.0
    >>> common_units(["12 cm", "7 cm"]), common_units(["10ms", 20]), common_units(["64MB", "auto"])
    ({'cm': 1.0}, None, None)
    """
    units: set[str] = set()
    for cell in cells:
        amount = _amount(cell)
        if amount is None:
            return None
        value, unit = amount
        if unit or not _is_the_same_in_all_units(value):
            units.add(unit)
    named = units - {_NO_UNIT}
    if not named:
        return None
    if len(named) > 1 or not named <= _SAY_LITTLE_ALONE:
        forms = set(map(_usual_form, units))
        for dimension in _DIMENSIONS_OF_SIZES if forms >= _BOTH_BILLIONS else _DIMENSIONS:
            if forms <= dimension.keys():
                return dimension
    return dict.fromkeys(units, 1.0) if len(units) == 1 else None


def _in_units(cell: Any, units: Mapping[str, float]) -> float | None:
    """Return the number that a cell is in these units, None if it has none of them."""
    amount = None if cell is None else _amount(cell)
    if amount is None:
        return None
    value, unit = amount
    if not unit and _is_the_same_in_all_units(value):
        return value
    factor = units.get(unit, units.get(_usual_form(unit)))
    return None if factor is None else value * factor


def _amount(cell: Any) -> tuple[float, str] | None:
    """Return a cell's number and unit, None if it has no number, or more about it than a unit."""
    plain = number(cell)
    if plain is not None:
        return plain, _NO_UNIT
    found = _AMOUNT.fullmatch(cell.strip()) if isinstance(cell, str) else None
    value = number(found[1]) if found else None
    return None if found is None or value is None else (value, found[2])


def _is_the_same_in_all_units(value: float) -> bool:
    return value == 0 or math.isinf(value)


def _usual_form(unit: str) -> str:
    return unit if unit == "M" else unit.casefold()
