"""A Gaussian process: smooth interpolation whose length scale and noise are fitted to the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import numpy as np
from scipy import linalg, optimize
from scipy.linalg import lapack
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from embedreg.core.errors import UsageError
from embedreg.core.threads import one_blas_thread
from embedreg.heads._base import Head, Rows, require

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from embedreg.core.protocols import Array, SavedState

_SMOOTHNESS: Final = (0.5, 1.5, 2.5)
_LENGTH_SCALES: Final = ("shared", "each")
_SEARCH_ROWS: Final = 500  # of which the kernel is learnt (benchmarks/kernel_rows.py); all are fitted with it
_SEARCH_STEPS: Final = 30  # with a length scale each
_SPREAD: Final = 0.5  # of the logarithms of length scales around the shared one's, before the data
_LENGTHS: Final = np.logspace(-1.5, 2.5, 17)  # in the order of the distance between standardised rows
_GRID_ROWS: Final = 200
_NEAR: Final = 1.2  # how far a logarithm of the length scale may be from the best of the grid's
_CLOSE_ENOUGH: Final = 0.05  # of such a logarithm
_NOISES: Final = np.logspace(-6, 2, 65)  # as multiples of the variance
_JITTER: Final = 1e-10  # as scikit-learn adds to the diagonal
_ROUNDING: Final = 16 * float(np.finfo(np.float64).eps)
_TINY: Final = 1e-300  # a constant target has no variance
_AT_ONCE: Final = 2000  # rows predicted at once


class GaussianProcessHead(Head):
    """Gaussian process regression with one Matern kernel and noise (Rasmussen and Williams, 2006, chapter 2).

    The variance, the length scale and the noise are those of the greatest marginal likelihood. A length scale for
    each column is the most likely one where, before the data, its logarithm is normal around that of the shared
    one with a deviation of 0.5: without that, 60 columns and 400 rows leave it to chance which columns matter.

    Of more than 500 rows the kernel is learnt on 500, spread evenly over them; all rows are fitted with it.

    There is no `sample_weight`.

    Parameters
    ----------
    nu
        Smoothness of the functions: 0.5, 1.5 or 2.5.
    length_scales
        "shared" by all columns, or one for "each" (automatic relevance determination).
    scaling
        Whether "each" column is scaled to unit deviation, or all "together" by one number.
    max_rows
        More training rows are refused: time grows with their cube.
    target_transform
        None, "yeo-johnson", or "auto": Yeo-Johnson if the training targets' absolute skewness is above 1.

    Attributes
    ----------
    kernel_ : sklearn kernel
        With its fitted parameters, for standardised inputs and the standardised target.
    chosen_ : dict
        variance, length_scale (the shortest) and noise (a variance), in the unit of standardised inputs and
        target, and log_likelihood.
    n_features_in_ : int
        Number of columns seen in `fit`.

    Examples
    --------
    >>> X = np.linspace(0, 6, 40)[:, None]
    >>> GaussianProcessHead().fit(X, np.sin(X[:, 0])).predict([[np.pi / 2]]).round(2)
    array([1.])
    """

    name: ClassVar[str] = "gp"
    seconds: ClassVar[float] = 0.2

    def __init__(
        self,
        *,
        nu: float = 2.5,
        length_scales: str = "shared",
        scaling: str = "each",
        max_rows: int = 3000,
        target_transform: str | None = None,
    ) -> None:
        self.nu = nu
        self.length_scales = length_scales
        self.scaling = scaling
        self.max_rows = max_rows
        self.target_transform = target_transform

    def check_parameters(self) -> None:
        """Refuse parameters out of range."""
        super().check_parameters()
        require(self.nu in _SMOOTHNESS, "nu", self.nu, "0.5, 1.5 or 2.5")
        scales = self.length_scales
        require(scales in _LENGTH_SCALES, "length_scales", scales, "'shared' or 'each'")

    def fit(self, X: ArrayLike, y: ArrayLike, *, validation: tuple[Array, Array] | None = None) -> Self:
        """Learn from training rows alone.

        Parameters
        ----------
        X, y
            Shapes (n, d) and (n,), n from 2 to `max_rows`.
        validation
            Checked and not used; it is here so that heads are interchangeable.

        Raises
        ------
        UsageError
            If there are more rows than `max_rows`.
        ValueError
            If an input is not finite or shapes disagree.
        """
        rows = self._read(X, y)
        self._read_validation(validation)
        if len(rows) > self.max_rows:
            raise UsageError(
                f"{len(rows)} rows for a Gaussian process",
                expected=f"at most {self.max_rows}, as time grows with the cube of their number",
                mend="use another head, such as xgboost or ridge, or raise max_rows in Python",
            )
        train = self._learn_scales(rows)
        with one_blas_thread():
            self._theta = self._parameters(train)
            self.kernel_ = self._kernel(train.X.shape[1]).clone_with_theta(self._theta)
            fitted = GaussianProcessRegressor(self.kernel_, optimizer=None).fit(train.X, train.y)
        self._inputs, self._dual = train.X.astype(np.float64), np.asarray(fitted.alpha_)
        parameters = np.exp(self._theta)
        self.chosen_: dict[str, Any] = {
            "variance": float(parameters[0]),
            "length_scale": float(parameters[1:-1].min()),
            "noise": float(parameters[-1]),
            "log_likelihood": float(fitted.log_marginal_likelihood_value_),
        }
        return self

    def _parameters(self, train: Rows) -> NDArray[np.float64]:
        """Return the logarithms of variance, length scales and noise."""
        columns = train.X.shape[1]
        some = train.take(_evenly_spaced(len(train), _SEARCH_ROWS))
        theta = _shared_parameters(some, self.nu)
        if self._has_each and columns > 1:
            start = np.concatenate([theta[:1], np.full(columns, theta[1]), theta[2:]])
            theta = _parameters_for_each(some, self.nu, start, self._kernel(columns).bounds)
        return theta

    @property
    def _has_each(self) -> bool:
        return self.length_scales == "each"

    def _kernel(self, columns: int) -> Any:
        wide = np.sqrt(columns)  # the order of the distance between standardised rows
        start = np.full(columns, wide) if self._has_each else wide
        signal = ConstantKernel(1.0, (1e-3, 1e3)) * Matern(start, (1e-2 * wide, 1e3 * wide), nu=self.nu)
        return signal + WhiteKernel(0.1, (1e-6, 1e1))

    def _predict_standardized(self, Z: NDArray[np.float64]) -> NDArray[np.float64]:
        parts = [
            self.kernel_(Z[start : start + _AT_ONCE], self._inputs) @ self._dual
            for start in range(0, len(Z), _AT_ONCE)
        ]
        return np.concatenate(parts)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        # not the kernel's own .theta, which is the logarithm of an exponential, and now and then another number
        return {"inputs": self._inputs, "dual": self._dual, "theta": self._theta}

    def _restore(self, state: SavedState) -> None:
        self._inputs, self._dual = state.arrays["inputs"], state.arrays["dual"]
        self._theta = state.arrays["theta"]
        self.kernel_ = self._kernel(self._inputs.shape[1]).clone_with_theta(self._theta)


def _evenly_spaced(n: int, most: int) -> NDArray[np.intp]:
    return np.linspace(0, n - 1, min(n, most)).astype(np.intp)


def _shared_parameters(train: Rows, nu: float) -> NDArray[np.float64]:
    """Return the logarithms of variance, length scale and noise of the greatest marginal likelihood.

    One eigendecomposition for each length scale gives the likelihood of every noise, and the best variance in
    closed form. Some rows on a grid tell where to look, so that no start decides; a tenth of the time of a
    search by gradients.
    """
    wide, distances = float(np.sqrt(train.X.shape[1])), _distances(train.X)
    few = _evenly_spaced(len(train), _GRID_ROWS)
    some = distances[np.ix_(few, few)], train.y[few]
    near = max(_LENGTHS, key=lambda length: _profile(*some, nu, length * wide)[0])

    def cost(log_length: float) -> float:
        return -_profile(distances, train.y, nu, float(np.exp(log_length)) * wide)[0]

    ends = np.log(near) - _NEAR, np.log(near) + _NEAR
    found = optimize.minimize_scalar(cost, bounds=ends, method="bounded", options={"xatol": _CLOSE_ENOUGH})
    length = float(np.exp(found.x)) * wide
    _, variance, noise = _profile(distances, train.y, nu, length)
    return np.log([np.clip(variance, 1e-3, 1e3), length, np.clip(noise, 1e-6, 1e1)])


def _profile(
    distances: NDArray[np.float64], y: NDArray[np.float64], nu: float, length: float
) -> tuple[float, float, float]:
    """Return the greatest log likelihood with a length scale, up to a constant, and its variance and noise."""
    values, vectors = _eigen(_matern(distances / length, nu)[0])
    spectrum = np.maximum(values, 0.0)[:, None] + _NOISES  # (n, noises)
    variances = np.mean((vectors.T @ y)[:, None] ** 2 / spectrum, axis=0)
    likelihoods = -0.5 * (len(y) * np.log(np.maximum(variances, _TINY)) + np.log(spectrum).sum(axis=0))
    best = int(np.argmax(likelihoods))
    return float(likelihoods[best]), float(variances[best]), float(variances[best] * _NOISES[best])


def _eigen(kernel: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return eigenvalues and eigenvectors; the fastest way does not converge on each kernel of repeated rows, the surest does."""
    try:
        return linalg.eigh(kernel, driver="evd")
    except linalg.LinAlgError:
        return linalg.eigh(kernel, driver="ev")


def _parameters_for_each(
    train: Rows, nu: float, start: NDArray[np.float64], bounds: Any
) -> NDArray[np.float64]:
    """Return the logarithms of variance, length scales and noise that are most likely near `start`."""
    cost = _Cost(np.asarray(train.X, dtype=np.float64), train.y, nu, float(start[1]))
    found = optimize.minimize(
        cost, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": _SEARCH_STEPS}
    )
    return np.asarray(found.x)


@dataclass(frozen=True, eq=False)
class _Cost:
    """Minus the log posterior of the parameters, and its gradient.

    The log marginal likelihood and its gradient are those of Rasmussen and Williams, eqs. 2.30 and 5.9.

    With W = alpha alpha' - inverse(K), the derivative by a length scale is a sum of W times the kernel's slope
    times squared differences of one column. Written as matrix products it takes O(n^2 d) in all, where a
    library that builds each derivative's matrix takes as much memory too: a tenth of the time with 25 columns.
    """

    X: NDArray[np.float64]
    y: NDArray[np.float64]
    nu: float
    shared: float  # the logarithm of the length scale that the others are near

    def __call__(self, theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        variance, lengths, noise = np.exp(theta[0]), np.exp(theta[1:-1]), np.exp(theta[-1])
        scaled = self.X / lengths
        kernel, slope = _matern(_distances(scaled), self.nu)
        n = len(self.y)
        factor = linalg.cholesky(variance * kernel + (noise + _JITTER) * np.eye(n), lower=True)
        alpha = linalg.cho_solve((factor, True), self.y)
        likelihood = -0.5 * self.y @ alpha - np.log(np.diag(factor)).sum()
        W = np.outer(alpha, alpha) - _inverse(factor)
        by_distance = variance * W * slope
        rows = by_distance.sum(axis=1)
        by_length = rows @ scaled**2 - np.einsum("ij,ij->j", scaled, by_distance @ scaled)
        by_variance, by_noise = 0.5 * variance * np.sum(W * kernel), 0.5 * noise * np.trace(W)
        away = (theta[1:-1] - self.shared) / _SPREAD
        prior = -0.5 * away @ away
        gradient = np.concatenate([[by_variance], by_length - away / _SPREAD, [by_noise]])
        return -float(likelihood + prior), -gradient


def _inverse(factor: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the inverse of the matrix whose lower Cholesky factor this is: a third of the work of solving for it."""
    lower, _ = lapack.dpotri(factor, lower=True)
    inverse = np.asarray(lower + lower.T)
    np.fill_diagonal(inverse, np.diag(lower))
    return inverse


def _distances(X: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return the Euclidean distances between rows, shape (n, n); zero where they are rounding error."""
    rows = np.asarray(X, dtype=np.float64)
    squares = np.sum(rows**2, axis=1)
    sums = squares[:, None] + squares
    gaps = sums - 2 * rows @ rows.T
    return np.asarray(np.sqrt(np.where(gaps > _ROUNDING * sums, gaps, 0.0)))


def _matern(distances: NDArray[np.float64], nu: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the Matern kernel of unit variance, and its negative derivative divided by the distance."""
    scaled = np.sqrt(2 * nu) * distances
    decay = np.exp(-scaled)
    if nu == 0.5:
        return decay, np.divide(decay, distances, out=np.zeros_like(decay), where=distances > 0)
    if nu == 1.5:
        return (1 + scaled) * decay, 3 * decay
    return (1 + scaled + scaled**2 / 3) * decay, 5 / 3 * (1 + scaled) * decay
