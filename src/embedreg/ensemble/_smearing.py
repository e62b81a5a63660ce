"""From scores to what is predicted: the mean of what a new target may be, not only its middle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from embedreg.ensemble._target import NormalScores

MIDDLE: Final = np.zeros(1)
"""Offsets by which the prediction is the target in the middle."""

_OFFSETS: Final = 64
_OUTERMOST: Final = (
    0.025  # of the residuals, at either end, count as the next one: they are the noisiest, and rows that fail
)
_REACH: Final = 1.0  # scores beyond the training targets', as for members
_AT_ONCE: Final = 2**16  # rows x offsets: 32 MB


def smeared(
    scores: NDArray[np.float64], offsets: NDArray[np.float64], scale: NormalScores
) -> NDArray[np.float64]:
    """Return the mean over offsets (q,) of the targets at scores (n,) plus offset, shape (n,).

    A middle of scores is a middle of targets, but their mean is not the targets' mean where the scale is bent: Duan's (1983)
    smearing averages over residuals after the way back. It never changes the order of predictions.
    """
    ends = scale.scores[0] - _REACH, scale.scores[-1] + _REACH
    parts = [
        scale.inverse(np.clip(scores[start : start + _AT_ONCE, None] + offsets, *ends)).mean(axis=1)
        for start in range(0, len(scores), _AT_ONCE)
    ]
    return np.concatenate([np.empty(0), *parts])


def learn_offsets(
    scores: NDArray[np.float64],
    y: NDArray[np.float64],
    scale: NormalScores,
    weight: NDArray[np.float64] | None,
) -> NDArray[np.float64]:
    """Return the residuals' quantiles, shape (q,), if smearing by them lowers the squared error of held-out rows, or `MIDDLE`.

    It is `MIDDLE` too where the largest or the smallest target stands for measurements that failed: no number to average over.

    Parameters
    ----------
    scores
        Predicted by models that had not seen the row, shape (n,).
    y, weight
        Targets and weights, shape (n,).
    scale
        Between the two.
    """
    if _has_a_code_for_failures(y):
        return MIDDLE
    levels = np.clip((np.arange(_OFFSETS) + 0.5) / _OFFSETS, _OUTERMOST, 1 - _OUTERMOST)
    offsets = np.quantile(scale.transform(y) - scores, levels)

    def error(tried: NDArray[np.float64]) -> float:
        return float(np.average((smeared(scores, tried, scale) - y) ** 2, weights=weight))

    return offsets if error(offsets) < error(MIDDLE) else MIDDLE


def _has_a_code_for_failures(y: NDArray[np.float64]) -> bool:
    """Whether several rows share an extreme target that is farther from the others than these are from each other."""
    ascending = np.unique(y)
    for extreme, others in ((ascending[-1], ascending[:-1]), (ascending[0], ascending[1:])):
        shared = np.count_nonzero(y == extreme) > 1
        if shared and len(others) and np.abs(others - extreme).min() > np.ptp(others):
            return True
    return False
