"""Ridge regression whose penalty is chosen by exact leave-one-out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import numpy as np

from embedreg.heads._base import Head, Rows, require, seeded
from embedreg.heads._equal_inputs import with_equal_inputs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from embedreg.core.protocols import Array, SavedState
    from embedreg.heads._base import Problem

PENALTIES: Final = tuple(float(p) for p in np.logspace(-8, 1, 37))
"""Four a decade: from least squares in effect, to the mean of y in effect."""


class RidgeHead(Head):
    r"""Linear regression with an l2 penalty chosen by exact leave-one-out; the intercept is not penalised.

    One symmetric eigendecomposition of the smaller of the two Gram matrices, at a cost of O(n d min(n, d)),
    gives the leave-one-out errors of every penalty in closed form (Allen, 1974; Golub, Heath and Wahba, 1979,
    eq. 1.3). `fit_many` shares it among problems of equal inputs and weights, such as several targets::

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
    seconds: ClassVar[float] = 0.03

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

    def check_parameters(self) -> None:
        """Refuse parameters out of range."""
        super().check_parameters()
        penalties = np.asarray(self.penalties, dtype=np.float64)
        positive = penalties.ndim == 1 and penalties.size > 0 and bool(np.all(penalties > 0))
        require(positive, "penalties", self.penalties, "at least one number, all above 0")

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
            Shape (n,), not negative, of which only the ratios count. Weighs both the fit and the leave-one-out errors.
        validation
            Checked and not used: leave-one-out leaves no need for it. It is here so that heads are
            interchangeable.

        Raises
        ------
        ValueError
            If an input is not finite or shapes disagree.
        """
        rows = self._learn_scales(self._checked(X, y, sample_weight, validation))
        return self._choose(_Axes.of(rows), rows.y)

    def _groups(self, problems: Sequence[Problem]) -> list[list[int]]:
        return with_equal_inputs(problems)

    def _fit_group(self, problems: Sequence[Problem]) -> list[Self]:
        """Fit to problems of the same inputs, whose one decomposition is nearly all of the work."""
        fitted: list[Self] = []
        axes = None
        for problem in problems:
            head: Self = seeded(self, problem.random_state)
            train = head._checked(problem.X, problem.y, problem.weight, problem.validation)
            if axes is None:
                rows = head._learn_scales(train)
                axes, y = _Axes.of(rows), rows.y
            else:
                head._input_scaler = fitted[0]._input_scaler
                y = head._learn_target_scale(train)
            fitted.append(head._choose(axes, y))
        return fitted

    def _checked(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None,
        validation: tuple[Array, Array] | None,
    ) -> Rows:
        """Check everything, and return the training rows."""
        train = self._read(X, y, sample_weight)
        self._read_validation(validation)
        return train

    def _choose(self, axes: _Axes, y: NDArray[np.float64]) -> Self:
        """Take the penalty with the least leave-one-out error, and its solution."""
        penalties = np.asarray(self.penalties, dtype=np.float64)
        system = _System.of(axes, y)
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
class _Axes:
    """The principal axes of centred, weighted inputs, whatever the target.

    A = sqrt(w) (X - mean) = scores @ axes.T, and scores.T @ scores = diag(eigenvalues). Axes of more columns than rows
    are not written out: axes = A.T @ combined, a product as large as the Gram matrix's.
    """

    root_weight: NDArray[np.float64]  # (n,), weights of mean one
    x_mean: NDArray[np.float64]  # (d,)
    scores: NDArray[np.float64]  # (n, r)
    combined: NDArray[np.float64]  # (n, r) in the dual; the axes themselves, (d, r), else
    rows: NDArray[np.float64] | None  # A (n, d), in the dual
    eigenvalues: NDArray[np.float64]  # (r,)

    @classmethod
    def of(cls, train: Rows) -> _Axes:
        """Centre and decompose; in the dual (n x n) when there are fewer rows than columns."""
        weight = np.ones(len(train)) if train.weight is None else train.weight / train.weight.mean()
        root = np.sqrt(weight)
        x_mean = np.average(train.X, axis=0, weights=weight)
        A = np.asarray(train.X - x_mean, dtype=np.float64)
        A *= root[:, None]
        dual = A.shape[0] < A.shape[1]
        # numpy's, not scipy's: the products are numpy's too, and threads of two pools would wait for each other
        eigenvalues, vectors = np.linalg.eigh(A @ A.T if dual else A.T @ A)
        kept = eigenvalues > eigenvalues.max() * len(eigenvalues) * np.finfo(np.float64).eps
        eigenvalues, vectors = eigenvalues[kept], vectors[:, kept]
        if dual:
            singular = np.sqrt(eigenvalues)
            return cls(root, x_mean, vectors * singular, vectors / singular, A, eigenvalues)
        return cls(root, x_mean, A @ vectors, vectors, None, eigenvalues)

    def along(self, lengths: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return axes @ lengths, shape (d,), for lengths (r,)."""
        combination = self.combined @ lengths
        return combination if self.rows is None else np.asarray(self.rows.T @ combination)


@dataclass(frozen=True, eq=False)
class _System:
    """The least-squares problem of one target in the principal axes of its inputs."""

    inputs: _Axes
    target: NDArray[np.float64]  # sqrt(w) (y - mean), (n,)
    y_mean: float

    @classmethod
    def of(cls, inputs: _Axes, y: NDArray[np.float64]) -> _System:
        """Centre the target by the weights of the inputs."""
        root = inputs.root_weight
        y_mean = float(np.average(y, weights=root**2))
        return cls(inputs, root * (y - y_mean), y_mean)

    def leave_one_out_mse(self, penalties: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the weighted mean of squared leave-one-out errors for each penalty, shape (k,)."""
        scores, weight = self.inputs.scores, self.inputs.root_weight**2
        shrink = 1.0 / (self.inputs.eigenvalues[:, None] + self._absolute(penalties))  # (r, k)
        fitted = scores @ ((scores.T @ self.target)[:, None] * shrink)  # (n, k)
        leverage = (weight / weight.sum())[:, None] + scores**2 @ shrink  # (n, k), the intercept's first
        room = np.maximum(
            1.0 - leverage, np.finfo(np.float64).eps
        )  # zero for a row that alone decides its fit
        errors = (self.target[:, None] - fitted) / room  # times the root of the weight
        return np.asarray(np.mean(errors**2, axis=0))

    def solution(self, penalty: float) -> tuple[NDArray[np.float64], float]:
        """Return the coefficients (d,) and the intercept."""
        inputs = self.inputs
        shrunk = (inputs.scores.T @ self.target) / (inputs.eigenvalues + self._absolute(penalty))  # (r,)
        coef = inputs.along(shrunk)
        return coef, self.y_mean - float(inputs.x_mean @ coef)

    def _absolute(self, penalty: Any) -> Any:
        """Return penalties in the unit of the Gram matrix; the trace is zero when no column varies."""
        return penalty * (float(self.inputs.eigenvalues.sum()) or 1.0)
