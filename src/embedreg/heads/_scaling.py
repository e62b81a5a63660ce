"""Shifting and scaling by training statistics: inputs by column, targets with an optional transform."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from scipy import optimize, stats
from scipy.special import boxcox1p, inv_boxcox1p

from embedreg.core.errors import DataError, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

TARGET_TRANSFORMS: Final = (None, "yeo-johnson", "auto")
SCALINGS: Final = ("each", "together")
SKEWNESS_LIMIT: Final = 1.0
"""Above this absolute sample skewness "auto" transforms: the usual border of "highly skewed"."""

_LAMBDA_BOUNDS: Final = (-1.0, 3.0)
_ROUNDING: Final = 16.0
"""A spread below this many units in the last place of a column's largest value is rounding noise."""


@dataclass(frozen=True)
class InputScaler:
    """Zero mean and unit deviation for each column, by the statistics of training rows.

    Together, all columns are divided by one number, the root of their mean variance, so that those that vary
    little weigh little. A column that did not vary in training becomes zero everywhere, since nothing could be
    learnt about its values.

    Attributes
    ----------
    mean, deviation
        Shape (d,); the deviation is infinite for a column that did not vary.
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    @classmethod
    def learn(
        cls, X: NDArray[np.floating[Any]], weight: NDArray[np.float64] | None, scaling: str = "each"
    ) -> Self:
        """Take the (weighted) statistics of X (n, d); its precision decides what counts as rounding noise.

        Raises
        ------
        UsageError
            If `scaling` is not one of `SCALINGS`.
        """
        check_scaling(scaling)
        mean, deviation = _mean_and_deviation(X.astype(np.float64), weight)
        noise = _ROUNDING * float(np.finfo(X.dtype).eps) * np.abs(X).max(axis=0).astype(np.float64)
        varies = deviation > noise
        if scaling == "together" and varies.any():
            deviation = np.full_like(deviation, np.sqrt(np.mean(deviation[varies] ** 2)))
        return cls(mean, np.where(varies, deviation, np.inf))

    def transform(self, X: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Return the standardised X, shape (n, d)."""
        standardised = X.astype(np.float64)
        standardised -= self.mean
        standardised /= self.deviation
        return standardised


@dataclass(frozen=True)
class TargetScaler:
    """Zero mean and unit deviation for the target, after a monotone transform if one was asked for.

    The transform is that of Yeo and Johnson (2000) on (y - median) / interquartile range, so that it does not
    depend on the unit of y. Predictions are limited to one range of the training targets beyond their ends,
    where its inverse is sure to exist; without a transform nothing is limited.

    Attributes
    ----------
    center, scale
        Applied before the transform.
    exponent
        The transform's lambda; None for no transform.
    mean, deviation
        Of the transformed training targets.
    low, high
        Limits of a prediction, in the unit of y; used with a transform alone.
    """

    center: float
    scale: float
    exponent: float | None
    mean: float
    deviation: float
    low: float
    high: float

    @classmethod
    def learn(cls, y: NDArray[np.float64], weight: NDArray[np.float64] | None, transform: str | None) -> Self:
        """Take the (weighted) statistics of the training targets y, shape (n,).

        Raises
        ------
        UsageError
            If `transform` is not one of `TARGET_TRANSFORMS`.
        DataError
            If the targets are so large that their spread has no floating-point number.
        """
        spread = float(np.ptp(y))
        if not np.isfinite(spread * spread * len(y)):
            raise DataError(
                f"targets from {y.min():g} to {y.max():g}",
                expected="targets whose squares are floating-point numbers",
                mend="divide the targets by a constant",
            )
        center, scale, exponent = 0.0, 1.0, None
        if _wants_transform(y, transform):
            center, scale = float(np.median(y)), _robust_scale(y)
            exponent = _likeliest_exponent((y - center) / scale)
        transformed = (
            (y - center) / scale if exponent is None else yeo_johnson((y - center) / scale, exponent)
        )
        mean, deviation = (float(v) for v in _mean_and_deviation(transformed, weight))
        noise = _ROUNDING * np.finfo(np.float64).eps * float(np.abs(transformed).max())
        limits = float(y.min()) - spread, float(y.max()) + spread
        kept = (
            deviation if deviation > noise else max(1.0, noise)
        )  # of large equal targets, rounding alone is large
        return cls(center, scale, exponent, mean, kept, *limits)

    def transform(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the standardised targets, shape (n,)."""
        z = (y - self.center) / self.scale
        return ((z if self.exponent is None else yeo_johnson(z, self.exponent)) - self.mean) / self.deviation

    def inverse(self, standardized: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return targets in their own unit, shape (n,); finite for finite input."""
        z = standardized * self.deviation + self.mean
        if self.exponent is None:
            return z * self.scale + self.center
        low, high = yeo_johnson((np.array([self.low, self.high]) - self.center) / self.scale, self.exponent)
        with np.errstate(
            divide="ignore", over="ignore"
        ):  # at a limit that rounding put on the pole; clipped below
            y = inverse_yeo_johnson(np.clip(z, low, high), self.exponent) * self.scale + self.center
        return np.clip(y, self.low, self.high)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


def yeo_johnson(z: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    """Return the transform of Yeo and Johnson (2000), strictly increasing in z.

    Examples
    --------
    >>> yeo_johnson(np.array([-1.0, 0.0, 1.0]), 1.0)
    array([-1.,  0.,  1.])
    """
    magnitude = np.abs(z)
    return np.where(z >= 0, boxcox1p(magnitude, exponent), -boxcox1p(magnitude, 2.0 - exponent))


def inverse_yeo_johnson(t: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    """Return z with yeo_johnson(z, exponent) = t."""
    magnitude = np.abs(t)
    return np.where(t >= 0, inv_boxcox1p(magnitude, exponent), -inv_boxcox1p(magnitude, 2.0 - exponent))


def check_scaling(scaling: object) -> None:
    """Refuse what is not one of `SCALINGS`."""
    if scaling not in SCALINGS:
        raise UsageError(
            f"scaling={scaling!r}",
            expected="'each' or 'together'",
            mend="use 'together' where the columns' deviations mean something, as in counts and embeddings",
        )


def check_target_transform(transform: object) -> None:
    """Refuse what is not one of `TARGET_TRANSFORMS`."""
    if transform not in TARGET_TRANSFORMS:
        raise UsageError(
            f"target_transform={transform!r}",
            expected="None, 'yeo-johnson' or 'auto'",
            mend="use 'auto' to transform skewed targets only",
        )


def _wants_transform(y: NDArray[np.float64], transform: str | None) -> bool:
    check_target_transform(transform)
    if transform is None or np.ptp(y) <= _ROUNDING * np.finfo(np.float64).eps * np.abs(y).max():
        return False
    return transform == "yeo-johnson" or abs(float(stats.skew(y))) > SKEWNESS_LIMIT


def _robust_scale(y: NDArray[np.float64]) -> float:
    """Return the interquartile range, or the range where half of the targets are one value."""
    low, high = np.quantile(y, [0.25, 0.75])
    spread = float(np.ptp(y))
    return float(high - low) if high - low > np.finfo(np.float64).eps * spread else spread


def _likeliest_exponent(z: NDArray[np.float64]) -> float:
    """Return the exponent under which the transformed z are most likely to be normal.

    It is bounded so that the inverse stays well conditioned: -1 already maps a million to within 1e-6 of its
    limit. It is rounded because scipy's inverse is wrong for exponents that are nearly, but not quite, zero.
    """
    jacobian = float(np.sum(np.sign(z) * np.log1p(np.abs(z))))

    def negative_log_likelihood(exponent: float) -> float:
        variance = float(yeo_johnson(z, exponent).var())
        return len(z) / 2 * float(np.log(variance)) - (exponent - 1) * jacobian if variance > 0 else np.inf

    found = optimize.minimize_scalar(negative_log_likelihood, bounds=_LAMBDA_BOUNDS, method="bounded").x
    return round(float(found), 6)


def _mean_and_deviation(
    values: NDArray[np.float64], weight: NDArray[np.float64] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the weighted mean and deviation over the first axis."""
    mean = np.average(values, axis=0, weights=weight)
    squares = values - mean
    squares *= squares
    return mean, np.sqrt(np.average(squares, axis=0, weights=weight))
