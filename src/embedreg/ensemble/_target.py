"""The scale on which members are combined: normal scores of the target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.stats import norm, rankdata

if TYPE_CHECKING:
    from numpy.typing import NDArray

_KNOTS: Final = 1000
_STEEPEST: Final = float(np.finfo(np.float64).max)  # an infinite slope times 0 would be NaN
_TAIL: Final = 0.1  # share of the knots at either end whose slope goes on beyond it


@dataclass(frozen=True, eq=False)
class NormalScores:
    """A strictly increasing, piecewise linear map between targets and the normal scores of their ranks.

    The score of rank r of n is the normal quantile of (r - 1/2) / n, Hazen's plotting position.

    It makes of any distribution a normal one, so that a squared error is not that of a few outliers alone.
    Beyond the training targets it goes on as straight as its last tenth.

    Attributes
    ----------
    values
        Targets, ascending, shape (k,).
    scores
        The score of each, ascending, shape (k,).

    Examples
    --------
    >>> scale = NormalScores.learn(np.array([1.0, 10.0, 100.0, 1000.0, 10000.0]))
    >>> scale.transform(np.array([100.0])).round(3), scale.inverse(np.array([0.0])).round(3)
    (array([0.]), array([100.]))
    """

    values: NDArray[np.float64]
    scores: NDArray[np.float64]

    @classmethod
    def learn(cls, y: NDArray[np.float64]) -> NormalScores:
        """Learn the map from training targets (n,)."""
        values, first = np.unique(y, return_index=True)
        scores = norm.ppf((rankdata(y) - 0.5) / len(y))[first]
        if len(values) > _KNOTS:
            kept = np.unique(np.linspace(0, len(values) - 1, _KNOTS).round().astype(int))
            values, scores = values[kept], scores[kept]
        return cls(values, scores)

    def transform(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the scores of targets (n,)."""
        return _piecewise(y, self.values, self.scores)

    def inverse(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the targets of scores, of any shape."""
        return _piecewise(scores, self.scores, self.values)

    def to_learn(self, y: NDArray[np.float64], learns: str) -> NDArray[np.float64]:
        """Return what a head learns of targets (n,): their "scores", their "ranks" between 0 and 1, or them "plain"."""
        if learns == "plain":
            return y
        scores = self.transform(y)
        return norm.cdf(scores) if learns == "ranks" else scores

    def of_learnt(self, predictions: NDArray[np.float64], learns: str) -> NDArray[np.float64]:
        """Return a head's predictions (n,) as scores; there are no ranks beyond those of the training targets."""
        if learns == "plain":
            return self.transform(predictions)
        if learns == "ranks":
            return norm.ppf(np.clip(predictions, *norm.cdf(self.scores[[0, -1]])))
        return predictions

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"values": self.values.tolist(), "scores": self.scores.tolist()}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> NormalScores:
        """Return what `to_json` saved."""
        return cls(np.array(saved["values"]), np.array(saved["scores"]))


def _piecewise(
    x: NDArray[np.float64], knots: NDArray[np.float64], heights: NDArray[np.float64]
) -> NDArray[np.float64]:
    if len(knots) == 1:  # a constant target: any slope will do
        return np.asarray(heights[0] + (x - knots[0]))
    inside = np.interp(x, knots, heights)
    tail = max(1, int(_TAIL * len(knots)))
    below, above = np.minimum(x - knots[0], 0.0), np.maximum(x - knots[-1], 0.0)
    with np.errstate(over="ignore"):  # knots that all but touch, as those of 1e-320 and 2e-320
        low = min((heights[tail] - heights[0]) / (knots[tail] - knots[0]), _STEEPEST)
        high = min((heights[-1] - heights[-1 - tail]) / (knots[-1] - knots[-1 - tail]), _STEEPEST)
        return np.asarray(inside + low * below + high * above)
