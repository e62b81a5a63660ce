"""Booleans, as 0 and 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from embedreg.features._column import Block, Column, Settings
from embedreg.features._values import written

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

_SPELLINGS: Final = {"true": 1.0, "1": 1.0, "false": 0.0, "0": 0.0}


@dataclass(frozen=True, eq=False)
class BooleanColumn(Column):
    """0 for false and 1 for true; a missing one is the share of true ones in training."""

    kind: ClassVar[str] = "boolean"
    share: float

    @classmethod
    def fit(cls, cells: Sequence[Any], _settings: Settings, /) -> Self:
        return cls(float(np.mean([cell for cell in cells if cell is not None])))

    def read(self, cell: Any) -> float | None:
        return _SPELLINGS.get(written(cell).strip().lower())

    def suffixes(self) -> list[str]:
        return [""]

    def encode(self, values: Sequence[float | None]) -> Block:
        return np.array(
            [[self.share if value is None else value] for value in values], dtype=np.float64
        ).reshape(-1, 1)
