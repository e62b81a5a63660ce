"""Trees as arrays: what a forest needs to predict again, without pickle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_LEAF: Final = -1
_NODES: Final = ("roots", "left", "right", "feature", "threshold", "value")
_VISITS_AT_ONCE: Final = 2_000_000  # rows x trees: about 100 MB


@dataclass(frozen=True, eq=False)
class Forest:
    """Regression trees in one list of nodes; a leaf is its own child.

    Attributes
    ----------
    roots
        Where each tree begins, shape (trees,).
    left, right, feature, threshold, value
        Of each node, shape (nodes,): a row goes left if its feature is at most the threshold.
    depth
        Of the deepest leaf.
    """

    roots: NDArray[np.int32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    value: NDArray[np.float64]
    depth: int

    @classmethod
    def of(cls, estimators: Sequence[Any]) -> Self:
        """Copy the nodes of scikit-learn's fitted regression trees."""
        trees = [estimator.tree_ for estimator in estimators]
        sizes = np.array([tree.node_count for tree in trees])
        roots = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        offset = np.repeat(roots, sizes)
        own = np.arange(sizes.sum())
        left, right = (
            np.concatenate([getattr(t, f"children_{side}") for t in trees]) for side in ("left", "right")
        )
        leaf = left == _LEAF
        return cls(
            roots.astype(np.int32),
            np.where(leaf, own, left + offset).astype(np.int32),
            np.where(leaf, own, right + offset).astype(np.int32),
            np.where(leaf, 0, np.concatenate([t.feature for t in trees])).astype(np.int32),
            np.concatenate([t.threshold for t in trees]),
            np.concatenate([t.value[:, 0, 0] for t in trees]),
            max(tree.max_depth for tree in trees),
        )

    def predict(self, X: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Return the mean of the trees' leaves for X (n, d), shape (n,)."""
        rows = np.asarray(X, dtype=np.float32)  # as scikit-learn compares them
        at_once = max(1, _VISITS_AT_ONCE // len(self.roots))
        parts = [self._predict(rows[start : start + at_once]) for start in range(0, len(rows), at_once)]
        return np.concatenate(parts)

    def _predict(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        nodes = np.broadcast_to(self.roots, (len(rows), len(self.roots)))  # (n, trees)
        row = np.arange(len(rows))[:, None]
        for _ in range(self.depth):
            goes_left = rows[row, self.feature[nodes]] <= self.threshold[nodes]
            nodes = np.where(goes_left, self.left[nodes], self.right[nodes])
        return np.asarray(self.value[nodes].mean(axis=1))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what to save."""
        own: dict[str, NDArray[Any]] = {name: getattr(self, name) for name in _NODES}
        return own | {"depth": np.array([self.depth])}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the forest whose `arrays()` were saved, perhaps among others."""
        return cls(**{name: arrays[name] for name in _NODES}, depth=int(arrays["depth"][0]))
