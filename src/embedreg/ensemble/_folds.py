"""Folds on which all members are judged: equal and nearly equal inputs are on one side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.neighbors import NearestNeighbors

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NEAR: Final = 0.005  # of a column's ranks
_LARGEST_SHARE: Final = 0.1  # of the rows: neighbours of neighbours may chain all rows together
_MOST_ROWS: Final = 5000  # more are hardly ever so few that a near duplicate matters


def input_groups(inputs: NDArray[np.intp], ranks: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
    """Return a group a row, which equal and nearly equal inputs share.

    Parameters
    ----------
    inputs
        A number a row, equal for equal inputs, shape (n,).
    ranks
        The rows' columns as ranks between 0 and 1, shape (n, d). Two rows are nearly equal if no column differs
        by more than half a percent.

    Returns
    -------
    ndarray of shape (n,)
        `inputs` itself where nearness would put more than a tenth of the rows in one group.
    """
    n = len(inputs)
    if n > _MOST_ROWS or not ranks.shape[1]:
        return inputs
    near = (
        NearestNeighbors(radius=_NEAR, metric="chebyshev")
        .fit(ranks)
        .radius_neighbors_graph(mode="connectivity")
    )
    order = np.argsort(inputs, kind="stable")
    same = np.flatnonzero(np.diff(inputs[order]) == 0)
    equal = coo_matrix((np.ones(len(same)), (order[same], order[same + 1])), shape=(n, n))
    _, groups = connected_components(near + equal, directed=False)
    largest = np.bincount(groups).max()
    return inputs if largest > max(_LARGEST_SHARE * n, np.bincount(inputs).max()) else groups.astype(np.intp)


def grouped_folds(groups: NDArray[np.intp], count: int, seed: int) -> NDArray[np.intp]:
    """Return the fold of each row, shape (n,): groups are dealt whole, large ones first, to the smallest fold.

    There are `count` folds, or as many as there are groups if that is fewer.

    Examples
    --------
    >>> folds = grouped_folds(np.array([0, 0, 1, 2, 3, 4]), 3, seed=0)
    >>> bool(folds[0] == folds[1]), np.bincount(folds).tolist()
    (True, [2, 2, 2])
    """
    names, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    shuffled = np.random.default_rng(seed).permutation(len(names))
    order = shuffled[np.argsort(-sizes[shuffled], kind="stable")]
    filled = np.zeros(min(count, len(names)), dtype=np.intp)
    fold_of_group = np.empty(len(names), dtype=np.intp)
    for name in order:
        smallest = int(np.argmin(filled))
        fold_of_group[name] = smallest
        filled[smallest] += sizes[name]
    return fold_of_group[group]
