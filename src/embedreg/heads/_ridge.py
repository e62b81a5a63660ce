"""Ridge regression whose penalty is chosen by exact leave-one-out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import numpy as np
from scipy import linalg

from embedreg.heads._base import Head, Rows, require

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from embedreg.core.protocols import Array, SavedState

PENALTIES: Final = tuple(float(p) for p in np.logspace(-8, 1, 37))
"""Four a decade: from least squares in effect, to the mean of y in effect."""


class RidgeHead(Head):
    r"""Linear regression with an l2 penalty chosen by exact leave-one-out; the intercept is not penalised.

    One symmetric eigendecomposition of the smaller of the two Gram matrices, at a cost of O(n d min(n, d)),
    gives the leave-one-out errors of every penalty in closed form (Allen, 1974; Golub, Heath and Wahba, 1979,
    eq. 1.3)::

        e_i = (y_i - yhat_i) / (1 - h_i)

    with yhat the fit to all rows and h_i its leverage, which includes the intercept's 1/n.

    Parameters
    ----------
    penalties
        Grid of penalties, as multiples of the trace of the centred Gram matrix, so that it suits any n and d.
    scaling
        Whether "each" column is scaled to unit deviation, or all "together" by one number.
    target_transform
        None, "yeo-johnson", or "auto": Yeo-Johnson if the training targets' absolute skewness is above 1.

    Attributes
    ----------
    coef_ : ndarray of shape (d,)
        For standardised inputs and the standardised target.
    intercept_ : float
        Likewise.
    chosen_ : dict
        penalty (relative, as in `penalties`), loo_mse (in the unit of the standardised target) and
        at_grid_edge: whether a wider grid might have done better.
    n_features_in_ : int
        Number of columns seen in `fit`.

    Examples
    --------
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> RidgeHead().fit(X, [1.0, 3.0, 5.0, 7.0]).predict([[4.0]]).round(3)
    array([9.])
    """

    name: ClassVar[str] = "ridge"

    def __init__(
        self,
        penalties: Sequence[float] = PENALTIES,
        *,
        scaling: str = "each",
        target_transform: str | None = None,
    ) -> None:
        self.penalties = penalties
        self.scaling = scaling
        self.target_transform = target_transform

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        validation: tuple[Array, Array] | None = None,
    ) -> Self:
        """Learn from training rows alone.

        Parameters
        ----------
        X, y
            Shapes (n, d) and (n,), n at least 2.
        sample_weight
            Shape (n,), not negative. Weighs both the fit and the leave-one-out errors.
        validation
            Checked and not used: leave-one-out leaves no need for it. It is here so that heads are
            interchangeable.

        Raises
        ------
        ValueError
            If an input is not finite or shapes disagree.
        """
        penalties = np.asarray(self.penalties, dtype=np.float64)
        positive = penalties.ndim == 1 and penalties.size > 0 and bool(np.all(penalties > 0))
        require(positive, "penalties", self.penalties, "at least one number, all above 0")
        train = self._read(X, y, sample_weight)
        self._read_validation(validation)
        system = _System.of(self._learn_scales(train))
        errors = system.leave_one_out_mse(penalties)
        best = int(np.argmin(errors))
        self.coef_, self.intercept_ = system.solution(float(penalties[best]))
        self.chosen_: dict[str, Any] = {
            "penalty": float(penalties[best]),
            "loo_mse": float(errors[best]),
            "at_grid_edge": bool(penalties[best] in (penalties.min(), penalties.max())),
        }
        return self

    def _predict_standardized(self, Z: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(Z @ self.coef_ + self.intercept_)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {"coef": self.coef_, "intercept": np.array([self.intercept_])}

    def _restore(self, state: SavedState) -> None:
        self.coef_ = state.arrays["coef"]
        self.intercept_ = float(state.arrays["intercept"][0])


@dataclass(frozen=True, eq=False)
class _System:
    """The centred, weighted least-squares problem in its principal axes.

    With A = sqrt(w) (X - mean) and b = sqrt(w) (y - mean), A = scores @ axes.T and scores.T @ scores =
    diag(eigenvalues).
    """

    root_weight: NDArray[np.float64]  # (n,), weights of mean one
    target: NDArray[np.float64]  # b, (n,)
    scores: NDArray[np.float64]  # (n, r)
    axes: NDArray[np.float64]  # (d, r)
    eigenvalues: NDArray[np.float64]  # (r,)
    x_mean: NDArray[np.float64]  # (d,)
    y_mean: float

    @classmethod
    def of(cls, train: Rows) -> _System:
        """Centre and decompose; in the dual (n x n) when there are fewer rows than columns."""
        weight = np.ones(len(train)) if train.weight is None else train.weight / train.weight.mean()
        root = np.sqrt(weight)
        x_mean = np.average(train.X, axis=0, weights=weight)
        y_mean = float(np.average(train.y, weights=weight))
        A = root[:, None] * (train.X - x_mean)
        dual = A.shape[0] < A.shape[1]
        eigenvalues, vectors = linalg.eigh(A @ A.T if dual else A.T @ A)
        kept = eigenvalues > eigenvalues.max() * len(eigenvalues) * np.finfo(np.float64).eps
        eigenvalues, vectors = eigenvalues[kept], vectors[:, kept]
        singular = np.sqrt(eigenvalues)
        scores, axes = (vectors * singular, A.T @ (vectors / singular)) if dual else (A @ vectors, vectors)
        return cls(root, root * (train.y - y_mean), scores, axes, eigenvalues, x_mean, y_mean)

    def leave_one_out_mse(self, penalties: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the weighted mean of squared leave-one-out errors for each penalty, shape (k,)."""
        shrink = 1.0 / (self.eigenvalues[:, None] + self._absolute(penalties))  # (r, k)
        fitted = self.scores @ ((self.scores.T @ self.target)[:, None] * shrink)  # (n, k)
        intercept_leverage = self.root_weight**2 / np.sum(self.root_weight**2)
        leverage = intercept_leverage[:, None] + self.scores**2 @ shrink  # (n, k)
        room = np.maximum(
            1.0 - leverage, np.finfo(np.float64).eps
        )  # zero for a row that alone decides its fit
        errors = (self.target[:, None] - fitted) / room  # times the root of the weight
        return np.asarray(np.mean(errors**2, axis=0))

    def solution(self, penalty: float) -> tuple[NDArray[np.float64], float]:
        """Return the coefficients (d,) and the intercept."""
        coef = self.axes @ ((self.scores.T @ self.target) / (self.eigenvalues + self._absolute(penalty)))
        return coef, self.y_mean - float(self.x_mean @ coef)

    def _absolute(self, penalty: Any) -> Any:
        """Return penalties in the unit of the Gram matrix; the trace is zero when no column varies."""
        return penalty * (float(self.eigenvalues.sum()) or 1.0)
