"""How good predictions are: six metrics by name.

All are finite for every finite input. Where a textbook leaves one undefined, this is what it is here:

- A correlation is 0.0 when all predictions are equal, or all targets: there is no ranking to be right about.
- R2 is 0.0 when all targets are equal, or 1.0 if the predictions are those targets (as in scikit-learn).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy import stats
from sklearn import metrics as skm

from embedreg.core.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    Metric = Callable[[ArrayLike, ArrayLike], float]


def kendall_tau(y: ArrayLike, prediction: ArrayLike) -> float:
    """Return Kendall's tau-b: agreement over pairs of rows, in [-1, 1], with ties accounted for.

    Examples
    --------
    >>> round(kendall_tau([1, 2, 3], [10, 30, 20]), 3)
    0.333
    >>> kendall_tau([1, 2, 3], [7, 7, 7])
    0.0
    """
    y, prediction = _checked(y, prediction)
    return 0.0 if _any_constant(y, prediction) else float(stats.kendalltau(y, prediction).statistic)


def spearman(y: ArrayLike, prediction: ArrayLike) -> float:
    """Return Spearman's rank correlation, in [-1, 1]; equal values share their mean rank."""
    y, prediction = _checked(y, prediction)
    return pearson(stats.rankdata(y), stats.rankdata(prediction))


def pearson(y: ArrayLike, prediction: ArrayLike) -> float:
    """Return Pearson's linear correlation, in [-1, 1]."""
    y, prediction = _checked(y, prediction)
    return 0.0 if _any_constant(y, prediction) else float(np.corrcoef(y, prediction)[0, 1])


def r2(y: ArrayLike, prediction: ArrayLike) -> float:
    """Return the share of the target's variance explained: 1 at best, below 0 if worse than its mean."""
    y, prediction = _checked(y, prediction)
    return float(np.array_equal(y, prediction)) if _any_constant(y) else float(skm.r2_score(y, prediction))


def rmse(y: ArrayLike, prediction: ArrayLike) -> float:
    """Return the root of the mean squared error, in the target's unit."""
    return float(skm.root_mean_squared_error(*_checked(y, prediction)))


def mae(y: ArrayLike, prediction: ArrayLike) -> float:
    """Return the mean absolute error, in the target's unit."""
    return float(skm.mean_absolute_error(*_checked(y, prediction)))


METRICS: Final[dict[str, Metric]] = {
    "kendall_tau": kendall_tau,
    "spearman": spearman,
    "pearson": pearson,
    "r2": r2,
    "rmse": rmse,
    "mae": mae,
}
"""Metrics by name, the one that decides first. Each takes targets and predictions of shape (n,), n >= 2."""

RANGES: Final = dict.fromkeys(("kendall_tau", "spearman", "pearson"), (-1.0, 1.0)) | {
    "r2": (-float("inf"), 1.0),
    "rmse": (0.0, float("inf")),
    "mae": (0.0, float("inf")),
}
"""The least and the greatest value of each."""

LOWER_IS_BETTER: Final = frozenset({"rmse", "mae"})
"""The errors. Of every other metric, more is better."""


def evaluate(y: ArrayLike, prediction: ArrayLike) -> dict[str, float]:
    """Return every metric.

    Parameters
    ----------
    y, prediction
        Shape (n,), n >= 2.

    Raises
    ------
    DataError
        If shapes differ, there are fewer than two rows, or a value is not finite.

    Examples
    --------
    >>> evaluate([1.0, 2.0, 3.0], [1.0, 2.0, 6.0])["mae"]
    1.0
    """
    return {name: metric(y, prediction) for name, metric in METRICS.items()}


def _checked(y: ArrayLike, prediction: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    targets, predictions = np.asarray(y, dtype=np.float64), np.asarray(prediction, dtype=np.float64)
    if targets.ndim != 1 or targets.shape != predictions.shape or len(targets) < 2:
        raise DataError(
            f"targets of shape {targets.shape} and predictions of shape {predictions.shape}",
            expected="two arrays of one shape (n,), n at least 2",
            mend="give one prediction a row",
        )
    _check_finite("targets", targets)
    _check_finite("predictions", predictions)
    return targets, predictions


def _check_finite(what: str, values: NDArray[Any]) -> None:
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise DataError(
            f"{bad.size} of {len(values)} {what} not finite, the first ({values[bad[0]]}) at row {bad[0]}",
            expected="finite numbers",
            mend="leave those rows out" if what == "targets" else "look for extreme values in the inputs",
        )


def _any_constant(*arrays: NDArray[np.float64]) -> bool:
    return any(np.ptp(array) == 0 for array in arrays)
