"""Rows of a split."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from embedreg.core.records import Record
    from embedreg.study._splits import Split


def rows_of(split: Split) -> NDArray[np.intp]:
    """Return all rows of a split: train, then validation, then test."""
    return np.concatenate([split.train, split.validation, split.test])


def take(records: Sequence[Record], rows: NDArray[np.intp]) -> list[Record]:
    """Return those records."""
    return [records[row] for row in rows]
