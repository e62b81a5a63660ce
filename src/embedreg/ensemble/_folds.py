"""Folds on which all members are judged: equal and nearly equal inputs are on one side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NEAR_RANKS: Final = (
    0.005  # of a column's ranks; few rows have ranks farther apart, and are compared by value
)
_NEAR_VALUES: Final = 0.001  # of a column's range
_LARGEST_SHARE: Final = 0.1  # of the rows: neighbours of neighbours may chain all rows together
_SMALL: Final = 5  # rows: a group of so few is no chain, however few rows there are
_NEIGHBOURS: Final = 32  # of a row are looked at: through each other they join a group of any size


def input_groups(
    inputs: NDArray[np.intp], ranks: NDArray[np.floating[Any]], values: NDArray[np.floating[Any]]
) -> NDArray[np.intp]:
    """Return a group a row, which equal and nearly equal inputs share.

    Two rows are nearly equal if their ranks differ by no more than half a percent in every column, or their values by no
    more than a thousandth of each column's range. Either is left out where more than a tenth of the rows, and more than
    five, would be one group.

    Parameters
    ----------
    inputs
        A number a row, equal for equal inputs, shape (n,).
    ranks
        The rows' columns as ranks between 0 and 1, shape (n, d).
    values
        The columns themselves, shape (n, d).

    Returns
    -------
    ndarray of shape (n,)

    Examples
    --------
    >>> values = np.array([[0.0], [0.5], [0.50001], [1.0]])
    >>> input_groups(np.arange(4), values, values).tolist()
    [0, 1, 1, 2]
    """
    groups = np.unique(inputs, return_inverse=True)[1].astype(np.intp)
    most = max(_LARGEST_SHARE * len(inputs), _SMALL, np.bincount(groups).max())
    spread = np.ptp(values, axis=0)
    for columns, near in ((ranks, _NEAR_RANKS), (values / np.where(spread > 0, spread, 1.0), _NEAR_VALUES)):
        joined = _joined(groups, columns, near)
        if np.bincount(joined).max() <= most:
            groups = joined
    return groups


def _joined(groups: NDArray[np.intp], columns: NDArray[np.floating[Any]], near: float) -> NDArray[np.intp]:
    """Return groups of groups that have rows within `near` of each other in every column."""
    if not columns.shape[1]:
        return groups
    rows, row_of = np.unique(columns, axis=0, return_inverse=True)
    count = min(_NEIGHBOURS + 1, len(rows))  # a row is its own nearest
    _, neighbours = KDTree(rows).query(rows, k=range(1, count + 1), p=np.inf, distance_upper_bound=near)
    place, which = np.nonzero(neighbours < len(rows))
    first = int(groups.max()) + 1  # the rows come after the groups
    ends = (
        np.concatenate([groups, first + place]),
        np.concatenate([first + row_of.ravel(), first + np.asarray(neighbours)[place, which]]),
    )
    size = first + len(rows)
    _, joined = connected_components(
        coo_matrix((np.ones(len(ends[0])), ends), shape=(size, size)), directed=False
    )
    return np.asarray(joined[groups], dtype=np.intp)


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
