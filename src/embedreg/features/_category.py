"""Categories, one-hot, with rare levels grouped."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from embedreg.features._column import Block, Column, Settings
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
    complete
        Whether no level was rare, so that one that training did not have is unlike anything.
    """

    kind: ClassVar[str] = "category"
    levels: list[str]
    grouped: list[str]
    complete: bool

    @classmethod
    def fit(cls, cells: Sequence[Any], settings: Settings, /) -> Self:
        counts = Counter(written(cell) for cell in cells if cell is not None)
        ordered = sorted(counts, key=lambda level: (-counts[level], level))
        frequent = [level for level in ordered if counts[level] >= settings.min_frequency]
        if not frequent:
            return cls(ordered, [], complete=False)
        grouped = ordered[len(frequent) :]
        return cls(frequent, grouped, complete=not grouped)

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

    def unknown(self, values: Sequence[str | None]) -> NDArray[np.bool_]:
        if not self.complete:
            return super().unknown(values)
        known = {None, *self.levels}
        return np.array([value not in known for value in values], dtype=np.bool_)
