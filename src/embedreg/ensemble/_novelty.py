"""How far a row is from the training rows, so that uncertainty grows away from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from sklearn.metrics import pairwise_distances_chunked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from embedreg.core.protocols import Array

_MOST: Final = 1000  # training rows kept to measure from
_USUAL: Final = 0.9  # of the training rows are nearer to their neighbours than what counts as far


@dataclass(frozen=True, eq=False)
class Novelty:
    """Distance to the nearest training row, in doublings of what is usual among training rows; 0 up to there.

    A training row is measured from the rows of other folds, and a new one from the rows that a fold's models have
    seen, so that both are measured alike.

    Attributes
    ----------
    rows, folds
        Vectors of training rows, shape (m, d), and the fold of each, shape (m,).
    usual
        The distance that nine in ten training rows keep within.

    Examples
    --------
    >>> line = np.arange(10.0)[:, None]
    >>> Novelty.learn(line, np.arange(10) % 2).measure(np.array([[4.5], [13.0], [41.0]])).round()
    array([[0., 2., 5.],
           [0., 2., 5.]])
    """

    rows: NDArray[np.float32]
    folds: NDArray[np.intp]
    usual: float

    @classmethod
    def learn(cls, vectors: Array, folds: NDArray[np.intp]) -> Self:
        """Keep training rows (n, d), or a sample of them that has rows of every fold, and see what is usual."""
        kept = np.arange(len(folds))
        if len(kept) > _MOST:
            drawn = np.random.default_rng(0).permutation(kept)
            _, first = np.unique(folds[drawn], return_index=True)
            kept = np.unique(np.concatenate([drawn[first], drawn[:_MOST]]))
        own = cls(np.asarray(vectors[kept], dtype=np.float32), folds[kept], 1.0)
        distances = own._distances(own.rows)[own.folds, np.arange(len(kept))]
        usual = float(np.quantile(distances, _USUAL)) or float(distances.max()) or 1.0
        return cls(own.rows, own.folds, usual)

    def measure(self, vectors: Array) -> NDArray[np.float64]:
        """Return the novelty of rows (n, d) to the models of each fold, shape (folds, n)."""
        return np.log2(np.maximum(self._distances(vectors) / self.usual, 1.0))

    def of_training(self, vectors: Array, folds: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the novelty of training rows (n, d) to the models that did not see them, shape (n,)."""
        return np.asarray(self.measure(vectors)[folds, np.arange(len(folds))])

    def _distances(self, vectors: Array) -> NDArray[np.float64]:
        """Return the distance to the nearest row outside each fold, shape (folds, n)."""
        if not self.rows.shape[1]:
            return np.zeros((int(self.folds.max()) + 1, len(vectors)))
        outside = [self.folds != fold for fold in range(int(self.folds.max()) + 1)]
        chunks = pairwise_distances_chunked(
            np.asarray(vectors, dtype=np.float32), self.rows, working_memory=64
        )
        parts = [[chunk[:, rows].min(axis=1) for rows in outside] for chunk in chunks]
        return np.concatenate(parts, axis=1, dtype=np.float64)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what to save."""
        return {"rows": self.rows, "folds": self.folds, "usual": np.array([self.usual])}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return what `arrays` saved."""
        return cls(arrays["rows"], arrays["folds"], float(arrays["usual"][0]))
