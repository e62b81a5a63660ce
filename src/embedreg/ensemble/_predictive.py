"""The distribution of a new target, by conformal prediction from out-of-fold residuals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_MOST: Final = 2000  # residuals kept: the error of a quantile of so many is below a hundredth of coverage
_ROUNDING: Final = 1e-9
_LEAST_LEFT: Final = 0.25  # of a residual's square
_AT_ONCE: Final = 4_000_000  # rows x residuals: 32 MB


@dataclass(frozen=True, eq=False)
class Predictive:
    """Residuals of training rows by models that did not see them, each divided by how difficult its row was.

    CV+ (Barber, Candes, Ramdas and Tibshirani, Annals of Statistics 2021, section 3) with residuals normalised
    by a row's difficulty (Papadopoulos, Gammerman and Vovk, 2008): the deviation of members around their mean,
    its distance from the training rows, and a floor. So a new target's distribution is the set, over training rows i, of::

        center_k(i)(x) + difficulty_k(i)(x) * residual_i / difficulty_i

    where k(i) is the fold of row i and center_k the members' mean by the models that did not see fold k. That is the
    distribution around one fold's models. What is predicted is the mean of all folds', whose squared error is on average
    less by exactly the variance of the folds' means; `for_mean` takes that off, so that intervals are not too wide.

    Attributes
    ----------
    residuals
        Signed and divided by the row's difficulty, shape (m,).
    folds
        The fold of each, shape (m,).
    floor
        The least difficulty.
    """

    residuals: NDArray[np.float64]
    folds: NDArray[np.intp]
    floor: float

    @classmethod
    def learn(
        cls, residuals: NDArray[np.float64], spread: NDArray[np.float64], folds: NDArray[np.intp]
    ) -> Self:
        """Learn from out-of-fold residuals and the members' spread at those rows, all of shape (n,)."""
        floor = size_of(residuals)
        kept = np.arange(len(residuals))
        if len(kept) > _MOST:
            kept = np.sort(np.random.default_rng(0).choice(kept, _MOST, replace=False))
        return cls((residuals / np.hypot(floor, spread))[kept], folds[kept], floor)

    def for_mean(
        self, centers: NDArray[np.float64], spreads: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return centers and difficulties of the folds' mean, from those of each fold, all of shape (folds, n).

        With y a new target and c_k a fold's center, mean((c_k - y)^2) = (mean(c_k) - y)^2 + variance(c_k). Residuals know
        the left side, so they are scaled to what is left of it, a quarter at the least.
        """
        difficulty = np.hypot(self.floor, spreads)
        of_one = difficulty**2 * (float(np.mean(self.residuals**2)) or 1.0)
        left = np.maximum(1.0 - centers.var(axis=0) / of_one, _LEAST_LEFT)
        return np.broadcast_to(centers.mean(axis=0), centers.shape), difficulty * np.sqrt(left)

    def quantiles(
        self, centers: NDArray[np.float64], difficulty: NDArray[np.float64], levels: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return quantiles (n, levels) given each fold's center and difficulty, both (folds, n).

        As an order statistic that covers a new row with at least the probability asked for: the
        ceil((m + 1) level)-th smallest above one half, the floor((m + 1) level)-th below.
        """
        m = len(self.residuals)
        above = levels >= 0.5
        place = np.where(above, np.ceil((m + 1) * levels - _ROUNDING), np.floor((m + 1) * levels + _ROUNDING))
        index = np.clip(place.astype(int) - 1, 0, m - 1)
        at_once = max(1, _AT_ONCE // m)
        parts = [
            np.sort(
                self._values(centers[:, start : start + at_once], difficulty[:, start : start + at_once])
            )[:, index]
            for start in range(0, centers.shape[1], at_once)
        ]
        return np.concatenate(parts)

    def _values(self, centers: NDArray[np.float64], difficulty: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the distribution of each row, shape (n, m)."""
        return (centers[self.folds] + difficulty[self.folds] * self.residuals[:, None]).T

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what to save."""
        return {"residuals": self.residuals, "folds": self.folds, "floor": np.array([self.floor])}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return what `arrays` saved."""
        return cls(arrays["residuals"], arrays["folds"], float(arrays["floor"][0]))


def size_of(residuals: NDArray[np.float64]) -> float:
    """Return their root mean square, or 1 where all are zero."""
    return float(np.sqrt(np.mean(residuals**2))) or 1.0
