"""A field: one column of the records with everything learnt of it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from embedreg.core.protocols import SavedState
from embedreg.features._category import CategoryColumn
from embedreg.features._column import RARE
from embedreg.features._kinds import KINDS, WORDLESS, kind_of
from embedreg.features._values import check_types, is_missing_word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from embedreg.features._column import Block, Column, Settings

MAX_DEVIATIONS: Final = 1e6
"""Features are bounded by this, to stay finite in single precision; training values are far below."""


@dataclass(frozen=True, eq=False)
class Encoded:
    """A field's features, and how many of its cells were not taken as they are.

    Attributes
    ----------
    block
        Shape (n, k).
    unusable
        Cells of another kind than the field's, which were counted as missing.
    extreme
        Cells whose features had to be bounded by `MAX_DEVIATIONS`.
    absent
        Cells without a value, though each training record had one.
    unknown
        Cells with a category that training did not have, nor gave reason to expect.
    lacking
        Which cells are such, or absent or unusable where nearly each training record had a value, shape (n,).
    """

    block: Block
    unusable: int
    extreme: int
    absent: int
    unknown: int
    lacking: NDArray[np.bool_]


class _Features(NamedTuple):
    block: Block  # (n, k), the last column telling which cells are missing
    unknown: NDArray[np.bool_]  # (n,)
    unusable: int


@dataclass(frozen=True, eq=False)
class Field:
    """One field.

    Attributes
    ----------
    name, kind
        As `Layout.names` and `kind_of` say.
    missing
        Share of training records without a value.
    parts
        The columns that make its features; a cell goes to the first that can read it.
    kept
        Positions of the features that varied in training; the others are left out.
    """

    name: str
    kind: str
    missing: float
    parts: tuple[Column, ...]
    kept: tuple[int, ...]

    @classmethod
    def fit(cls, name: str, cells: list[Any], settings: Settings, kind: str | None = None) -> Field:
        """Learn a field from its training cells, None where missing; its kind too, unless it is given."""
        check_types(name, cells)
        kind = kind or kind_of(cells, settings.max_categories)
        cells = _told(kind, cells)
        parts: list[Column] = []
        rest = cells
        for column in KINDS[kind]:
            part = column.fit(rest, settings)
            rest = [None if cell is None or part.read(cell) is not None else cell for cell in rest]
            parts.append(part)
        missing = sum(cell is None for cell in cells) / len(cells)
        block = cls(name, kind, missing, tuple(parts), ())._all_features(cells).block
        varying = np.flatnonzero((block != block[:1]).any(axis=0))
        return cls(name, kind, missing, tuple(parts), tuple(varying.tolist()))

    def encode(self, cells: list[Any], *, held_out: bool = False) -> Encoded:
        """Return the features of any cells, or of training cells of which each is looked at as if it had been `held_out`."""
        check_types(self.name, cells)
        cells = _told(self.kind, cells)
        found = self._all_features(cells, held_out=held_out)
        absent = sum(cell is None for cell in cells) if self.missing == 0 else 0
        lacking = found.unknown | (found.block[:, -1].astype(bool) & (self.missing < RARE))
        block = found.block[:, list(self.kept)]
        extreme = int((np.abs(block) > MAX_DEVIATIONS).any(axis=1).sum())
        block = np.clip(block, -MAX_DEVIATIONS, MAX_DEVIATIONS)
        return Encoded(block, found.unusable, extreme, absent, int(found.unknown.sum()), lacking)

    def feature_names(self) -> list[str]:
        """Return the names of the features kept."""
        return [self.name + suffix for suffix in self.suffixes()]

    def suffixes(self) -> list[str]:
        """Return what each feature kept says of the field, as it is written after the field's name."""
        suffixes = [*(suffix for part in self.parts for suffix in part.suffixes()), ": missing"]
        return [suffixes[place] for place in self.kept]

    def describe(self) -> dict[str, Any]:
        """Return what was made of the field, as JSON values."""
        grouped = [level for part in self.parts if isinstance(part, CategoryColumn) for level in part.grouped]
        return {
            "field": self.name,
            "kind": self.kind,
            "columns": self.feature_names(),
            "missing": self.missing,
            "grouped": grouped,
        }

    def _all_features(self, cells: list[Any], *, held_out: bool = False) -> _Features:
        """Return the features of all parts, and where cells are missing."""
        blocks = []
        unknown = np.zeros(len(cells), dtype=np.bool_)
        rest = cells
        for part in self.parts:
            values = [None if cell is None else part.read(cell) for cell in rest]
            rest = [cell if value is None else None for cell, value in zip(rest, values, strict=True)]
            blocks.append(part.encode(values))
            unknown |= part.unknown(values, held_out=held_out)
        unusable = [cell is not None for cell in rest]
        missing = np.array(unusable, dtype=bool) | np.array([cell is None for cell in cells], dtype=bool)
        return _Features(np.column_stack([*blocks, missing.astype(np.float64)]), unknown, sum(unusable))

    def state(self) -> SavedState:
        """Return everything that was learnt, the parts' arrays being numbered."""
        parts = [part.state() for part in self.parts]
        own = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name != "parts"
        }
        arrays = {
            f"{place}.{key}": array for place, part in enumerate(parts) for key, array in part.arrays.items()
        }
        return SavedState(own | {"parts": [part.config for part in parts]}, arrays)

    @classmethod
    def from_state(cls, state: SavedState) -> Field:
        """Build the field that gave this state."""
        config = dict(state.config)
        parts = tuple(
            column.from_state(SavedState(part, nested_arrays(state.arrays, place)))
            for place, (column, part) in enumerate(
                zip(KINDS[config["kind"]], config.pop("parts"), strict=True)
            )
        )
        return cls(**config | {"parts": parts, "kept": tuple(config["kept"])})


def _told(kind: str, cells: list[Any]) -> list[Any]:
    """Return the cells, None where one says in words that it has no value, unless a field of that kind holds words."""
    if kind not in WORDLESS:
        return cells
    return [None if is_missing_word(cell) else cell for cell in cells]


def nested_arrays(arrays: dict[str, Any], place: int) -> dict[str, Any]:
    """Return the arrays whose name begins with that number and a dot, without it."""
    prefix = f"{place}."
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
