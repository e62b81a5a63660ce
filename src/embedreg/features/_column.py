"""What every kind of column shares: how it is learnt, applied and saved."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from embedreg.core.protocols import SavedState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

Block: TypeAlias = NDArray[np.float64]

RARE: Final = 0.05
"""What is so in a smaller share of training cells is little known."""


@dataclass(frozen=True)
class Settings:
    """The parameters of `TabularFeatures`, as the columns need them."""

    max_categories: int
    min_frequency: int
    text_components: int
    random_state: int


@dataclass(frozen=True, eq=False)
class Column(ABC):
    """One way from a field's cells to features. A subclass is a frozen dataclass of JSON values and arrays.

    A cell that is missing is None. A kind of column is one such class, and one line in `KINDS`.
    """

    kind: ClassVar[str]

    @classmethod
    @abstractmethod
    def fit(cls, cells: Sequence[Any], settings: Settings, /) -> Self:
        """Learn from training cells; those that `read` cannot use are missing to this column."""

    @abstractmethod
    def read(self, cell: Any) -> Any | None:
        """Return a cell's value as `encode` needs it, or None if the cell is not of this kind."""

    @abstractmethod
    def suffixes(self) -> list[str]:
        """Return what to append to the field's name, for each feature."""

    @abstractmethod
    def encode(self, values: Sequence[Any | None]) -> Block:
        """Return the features, shape (n, k); a missing value gives the training mean, or no level."""

    def unknown(self, values: Sequence[Any | None], *, held_out: bool = False) -> NDArray[np.bool_]:  # noqa: ARG002 (for subclasses)
        """Return which values are like none in training, or would be without their own row if it is `held_out`, shape (n,)."""
        return np.zeros(len(values), dtype=np.bool_)

    def state(self) -> SavedState:
        """Return everything that was learnt."""
        learnt = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        arrays = {name: value for name, value in learnt.items() if isinstance(value, np.ndarray)}
        return SavedState({name: value for name, value in learnt.items() if name not in arrays}, arrays)

    @classmethod
    def from_state(cls, state: SavedState) -> Self:
        """Build the column that gave this state."""
        return cls(**state.config, **state.arrays)
