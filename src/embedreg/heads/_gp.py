"""A Gaussian process: smooth interpolation whose length scale and noise are fitted to the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import numpy as np
from scipy import optimize
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from sklearn.utils.validation import check_is_fitted

from embedreg.core.errors import UsageError
from embedreg.heads._base import Head, Rows, require

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from embedreg.core.protocols import Array, SavedState

_SMOOTHNESS: Final = (0.5, 1.5, 2.5)
_LENGTH_SCALES: Final = ("shared", "each")
_SEARCH_STEPS: Final = 50
_SEARCH_STEPS_EACH: Final = 30
_AT_ONCE: Final = 2000  # rows predicted at once


class GaussianProcessHead(Head):
    """Gaussian process regression with one Matern kernel and noise (Rasmussen and Williams, 2006, chapter 2).

    The variance, the length scales and the noise are those of the greatest marginal likelihood.

    There is no `sample_weight`.

    Parameters
    ----------
    nu
        Smoothness of the functions: 0.5, 1.5 or 2.5.
    length_scales
        "shared" by all columns, or one for "each": slower, by as many times as there are columns.
    theta
        Parameters of the kernel, in logarithms, that another fit has found (`kernel_.theta`); None to search for them.
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

    def __init__(
        self,
        *,
        nu: float = 2.5,
        length_scales: str = "shared",
        theta: Sequence[float] | None = None,
        max_rows: int = 3000,
        target_transform: str | None = None,
    ) -> None:
        self.nu = nu
        self.length_scales = length_scales
        self.theta = theta
        self.max_rows = max_rows
        self.target_transform = target_transform

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
        require(self.nu in _SMOOTHNESS, "nu", self.nu, "0.5, 1.5 or 2.5")
        require(
            self.length_scales in _LENGTH_SCALES, "length_scales", self.length_scales, "'shared' or 'each'"
        )
        rows = self._read(X, y)
        self._read_validation(validation)
        if len(rows) > self.max_rows:
            raise UsageError(
                f"{len(rows)} rows for a Gaussian process",
                expected=f"at most {self.max_rows}, as time grows with the cube of their number",
                mend="use head='xgboost' or 'ridge', or raise max_rows",
            )
        train = self._learn_scales(rows)
        fitted = self._process(train)
        self.kernel_ = fitted.kernel_
        self._inputs, self._dual = train.X.astype(np.float64), np.asarray(fitted.alpha_)
        parameters = np.exp(fitted.kernel_.theta)
        self.chosen_: dict[str, Any] = {
            "variance": float(parameters[0]),
            "length_scale": float(parameters[1:-1].min()),
            "noise": float(parameters[-1]),
            "log_likelihood": float(fitted.log_marginal_likelihood_value_),
        }
        return self

    def settled(self) -> Self:
        """Return an unfitted copy whose kernel is the one found here, so that fitting it searches for nothing."""
        check_is_fitted(self, "chosen_")
        copy: Self = clone(self)
        copy.set_params(theta=tuple(self.kernel_.theta.tolist()))
        return copy

    def _process(self, train: Rows) -> GaussianProcessRegressor:
        columns = train.X.shape[1]
        if self.theta is not None:
            kernel = self._kernel(columns, each=self.length_scales == "each")
            require(len(self.theta) == len(kernel.theta), "theta", self.theta, f"{len(kernel.theta)} numbers")
            return _with(kernel, np.array(self.theta), train)
        kernel = self._kernel(columns, each=False)
        theta = _most_likely(kernel, kernel.theta, train, _SEARCH_STEPS)
        if self.length_scales == "each" and columns > 1:
            kernel = self._kernel(columns, each=True)
            start = np.concatenate([theta[:1], np.full(columns, theta[1]), theta[2:]])
            theta = _most_likely(kernel, start, train, _SEARCH_STEPS_EACH)
        return _with(kernel, theta, train)

    def _kernel(self, columns: int, *, each: bool) -> Any:
        wide = np.sqrt(columns)  # the order of the distance between standardised rows
        start = np.full(columns, wide) if each else wide
        signal = ConstantKernel(1.0, (1e-3, 1e3)) * Matern(start, (1e-2 * wide, 1e3 * wide), nu=self.nu)
        return signal + WhiteKernel(0.1, (1e-6, 1e1))

    def _predict_standardized(self, Z: NDArray[np.float64]) -> NDArray[np.float64]:
        parts = [
            self.kernel_(Z[start : start + _AT_ONCE], self._inputs) @ self._dual
            for start in range(0, len(Z), _AT_ONCE)
        ]
        return np.concatenate(parts)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {"inputs": self._inputs, "dual": self._dual, "theta": self.kernel_.theta}

    def _restore(self, state: SavedState) -> None:
        self._inputs, self._dual = state.arrays["inputs"], state.arrays["dual"]
        kernel = self._kernel(self._inputs.shape[1], each=self.length_scales == "each")
        self.kernel_ = kernel.clone_with_theta(state.arrays["theta"])


def _most_likely(kernel: Any, start: NDArray[np.float64], train: Rows, steps: int) -> NDArray[np.float64]:
    """Return the kernel's parameters, in logarithms, of the greatest marginal likelihood near `start`.

    scikit-learn's own search warns of parameters at a bound, such as no noise, which is no fault here.
    """
    process = _with(kernel, start, train)

    def cost(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        likelihood, gradient = process.log_marginal_likelihood(theta, eval_gradient=True, clone_kernel=False)
        return -likelihood, -gradient

    found = optimize.minimize(
        cost, start, jac=True, method="L-BFGS-B", bounds=kernel.bounds, options={"maxiter": steps}
    )
    return np.asarray(found.x)


def _with(kernel: Any, theta: NDArray[np.float64], train: Rows) -> GaussianProcessRegressor:
    process = GaussianProcessRegressor(kernel.clone_with_theta(theta), optimizer=None)
    return process.fit(train.X, train.y)
