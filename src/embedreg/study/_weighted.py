"""The metrics of many resamples at once.

A bootstrap resample is a vector of counts: how often each row was drawn. Counts are of shape (n, b), one
column a resample; what comes back is what the metrics of `_metrics.py` give on the repeated rows, shape (b,).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Counts: TypeAlias = NDArray[np.float32]

_LEAF = 256  # rows whose pairs are compared directly, by matrix product


class Resamples:
    """Resamples of one seed's test rows, on which any number of methods are scored.

    Parameters
    ----------
    y
        Finite targets, shape (n,).
    counts
        How often each row was drawn, shape (n, b). Columns sum to between 1 and 2**24, up to where float32
        counts exactly.
    """

    def __init__(self, y: Floats, counts: Counts) -> None:
        self._y = y
        self._counts = counts
        self._total = counts.sum(axis=0, dtype=np.float64)  # (b,)
        self._target = _drawn_variable(y, counts)

    def metrics(self, prediction: Floats) -> dict[str, Floats]:
        """Return every metric of every resample, by the names of `METRICS`, each of shape (b,)."""
        predicted = _drawn_variable(prediction, self._counts)
        target, everything = self._target, self._total**2
        constant_y = target.tied == everything
        constant = constant_y | (predicted.tied == everything)
        error = self._y - prediction
        mse = error**2 @ self._counts / self._total
        unexplained = _ratio(mse, target.variance)
        return {
            "kendall_tau": np.where(constant, 0.0, self._kendall(prediction, predicted)),
            "spearman": np.where(constant, 0.0, self._correlation(target.ranks, predicted.ranks)),
            "pearson": np.where(constant, 0.0, self._correlation(target.values, predicted.values)),
            "r2": np.where(constant_y, np.where(mse == 0, 1.0, 0.0), 1 - unexplained),
            "rmse": np.sqrt(mse),
            "mae": np.abs(error) @ self._counts / self._total,
        }

    def _correlation(self, a: Floats, b: Floats) -> Floats:
        """Return the correlation of two centred variables, (n, b)."""
        weighted = a * self._counts
        covariance = np.einsum("nb,nb->b", weighted, b)
        squares_b = np.einsum("nb,nb,nb->b", b, b, self._counts)
        return _ratio(covariance, np.sqrt(np.einsum("nb,nb->b", weighted, a)) * np.sqrt(squares_b)).clip(
            -1, 1
        )

    def _kendall(self, prediction: Floats, predicted: _Drawn) -> Floats:
        """Return tau-b, (concordant - discordant) / sqrt(pairs untied in y * pairs untied in prediction).

        Over ordered pairs, total**2 of them, concordant + discordant + tied in either = all, which leaves the
        concordant ones to be counted.
        """
        everything = self._total**2
        level = np.unique(np.stack([self._y, prediction]), axis=1, return_inverse=True)[1].ravel()
        tied_in_both = (_sum_by(level, self._counts) ** 2).sum(axis=0)
        untied = everything - self._target.tied - predicted.tied + tied_in_both
        concordant = 2 * _concordant_pairs(self._y, prediction, self._counts)
        scale = np.sqrt((everything - self._target.tied) * (everything - predicted.tied))
        return _ratio(2 * concordant - untied, scale)


@dataclass(frozen=True, eq=False)
class _Drawn:
    """Targets or predictions, with what each resample makes of them.

    Attributes
    ----------
    values
        Less their mean in the resample, shape (n, b).
    ranks
        Mean rank of each row among the rows drawn, less the mean of all ranks; shape (n, b).
    variance
        In the resample, shape (b,).
    tied
        Ordered pairs of drawn rows with equal values, a row with itself among them; shape (b,).
    """

    values: Floats
    ranks: Floats
    variance: Floats
    tied: Floats


def _drawn_variable(values: Floats, counts: Counts) -> _Drawn:
    total = counts.sum(axis=0, dtype=np.float64)
    level = np.unique(values, return_inverse=True)[1]  # (n,)
    drawn = _sum_by(level, counts)  # (levels, b)
    ranks = drawn.cumsum(axis=0) - (drawn - 1) / 2 - (total + 1) / 2
    near_zero = values - values.mean()  # so that the second centring loses no digits
    centred = near_zero[:, None] - near_zero @ counts / total
    variance = np.einsum("nb,nb,nb->b", centred, centred, counts) / total
    return _Drawn(centred, ranks[level], variance, np.einsum("lb,lb->b", drawn, drawn))


def _sum_by(level: NDArray[np.intp], counts: Counts) -> Floats:
    """Sum the counts of the rows on each level, 0, 1, ... in turn."""
    order = np.argsort(level, kind="stable")
    starts = np.flatnonzero(np.diff(level[order], prepend=-1))
    return np.add.reduceat(counts[order], starts, axis=0, dtype=np.float64)


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Divide; 0.0 where the denominator is zero."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)


def _concordant_pairs(y: Floats, prediction: Floats, counts: Counts) -> Floats:
    """Count unordered pairs of drawn rows that differ in both values and in the same sense: O(n log n) each.

    Rows are sorted by y, so that a pair is concordant if the earlier row has the smaller prediction. Pairs
    within a leaf of some hundred rows are compared directly; then neighbouring blocks are merged, as in
    merge sort, and each row of a right block counts the smaller ones in its left neighbour.
    """
    order = np.lexsort((-prediction, y))  # among equal y the later row never has the larger prediction
    levels = max(0, int(np.ceil(np.log2(len(y) / _LEAF))))
    leaf = -(-len(y) // 2**levels)
    padding = leaf * 2**levels - len(y)
    drawn = np.pad(counts[order], ((0, padding), (0, 0)))  # (leaf * 2**levels, b)
    key = np.pad(prediction[order], (0, padding), constant_values=np.inf)
    result = _within_leaves(key.reshape(-1, leaf), drawn.reshape(-1, leaf, drawn.shape[1]))
    for level in range(levels):
        result += _between_neighbours(key, drawn, leaf * 2**level)
    return result


def _within_leaves(key: Floats, drawn: Counts) -> Floats:
    """Shapes (leaves, leaf) and (leaves, leaf, b)."""
    smaller_before = np.tril(key[:, :, None] > key[:, None, :]).astype(np.float32)
    found: Floats = np.einsum("kib,kib->b", smaller_before @ drawn, drawn, dtype=np.float64)
    return found


def _between_neighbours(key: Floats, drawn: Counts, size: int) -> Floats:
    """Count pairs of a row in a right block of `size` rows with a smaller one in the left block beside it."""
    block = np.arange(len(key)) // size
    is_right = block % 2 == 1
    # among equal keys right rows come first, so that they count smaller ones only
    order = np.lexsort((~is_right, key, block // 2))
    is_right, drawn = is_right[order], drawn[order]
    left = np.where(is_right[:, None], np.float32(0), drawn)
    smaller = left.reshape(-1, 2 * size, left.shape[1]).cumsum(axis=1).reshape(left.shape)
    found: Floats = np.einsum("nb,nb->b", smaller[is_right], drawn[is_right], dtype=np.float64)
    return found
