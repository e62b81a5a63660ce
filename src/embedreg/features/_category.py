"""Categories, one-hot, with rare levels grouped."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from embedreg.features._column import RARE, Block, Column, Settings
from embedreg.features._values import written

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class CategoryColumn(Column):
    """One column a level, and one for the levels that are rare in training or not in it.

    Where every level is rare none is grouped. A level that training did not have goes with the rare ones, or
    is zero everywhere if there are none.

    Attributes
    ----------
    levels
        Those with a column of their own, the most frequent first.
    grouped
        The rare ones, which share one column.
    once
        Those in one training cell alone.
    closed
        Whether so few were that new levels were not to be expected: the share of cells whose level is seen once is that of new
        cells whose level is not seen yet (Good, 1953).
    """

    kind: ClassVar[str] = "category"
    levels: list[str]
    grouped: list[str]
    once: list[str]
    closed: bool

    @classmethod
    def fit(cls, cells: Sequence[Any], settings: Settings, /) -> Self:
        counts = Counter(written(cell) for cell in cells if cell is not None)
        ordered = sorted(counts, key=lambda level: (-counts[level], level))
        frequent = [level for level in ordered if counts[level] >= settings.min_frequency]
        once = [level for level in ordered if counts[level] == 1]
        closed = len(once) < RARE * len(cells)
        if not frequent:
            return cls(ordered, [], once, closed)
        return cls(frequent, ordered[len(frequent) :], once, closed)

    def read(self, cell: Any) -> str:
        return written(cell)

    def suffixes(self) -> list[str]:
        return [f"={level}" for level in self.levels] + ([": rare"] if self.grouped else [])

    def encode(self, values: Sequence[str | None]) -> Block:
        width = len(self.suffixes())
        position = {level: place for place, level in enumerate(self.levels)}
        other = width - 1 if self.grouped else width
        places = [width if value is None else position.get(value, other) for value in values]
        return np.eye(width + 1, width)[places]  # the last row is zero: no level

    def unknown(self, values: Sequence[str | None], *, held_out: bool = False) -> NDArray[np.bool_]:
        if not self.closed:
            return super().unknown(values)
        known = {None, *self.levels, *self.grouped}
        if held_out:
            known -= set(self.once)
        return np.array([value not in known for value in values], dtype=np.bool_)
