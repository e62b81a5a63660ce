"""What all heads share: checked input, standardising, the held-out part, saving."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.utils import check_array, check_consistent_length, check_random_state
from sklearn.utils.validation import (
    check_is_fitted,
    column_or_1d,
    has_fit_parameter,
    validate_data,
)

from embedreg.core.errors import SavedModelError, UsageError
from embedreg.core.progress import progress_bar
from embedreg.core.protocols import SavedState
from embedreg.core.weights import check_weights
from embedreg.heads._scaling import InputScaler, TargetScaler, check_scaling, check_target_transform
from embedreg.heads._workers import run_side_by_side

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from embedreg.core.protocols import Array

_FLOATS = (
    np.float64,
    np.float32,
)  # float32 stays until standardised: its precision says what is noise


@dataclass(frozen=True, eq=False)
class Problem:
    """One regression problem for `fit_many`.

    Attributes
    ----------
    X, y
        Training rows, shapes (n, d) and (n,).
    validation
        Rows for choosing and stopping, or None to hold out some of the training rows.
    random_state
        Seed of the head that is fitted to it.
    weight
        Weights of the rows, shape (n,), or None.
    """

    X: Array
    y: Array
    validation: tuple[Array, Array] | None = None
    random_state: int = 0
    weight: Array | None = None


@dataclass(frozen=True, eq=False)
class Rows:
    """Checked rows: inputs (n, d), targets (n,) and positive weights (n,) or None."""

    X: NDArray[np.floating[Any]]
    y: NDArray[np.float64]
    weight: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: NDArray[np.integer[Any]] | NDArray[np.bool_]) -> Rows:
        """Return the rows at these positions."""
        return Rows(self.X[rows], self.y[rows], None if self.weight is None else self.weight[rows])


class Head(RegressorMixin, BaseEstimator, ABC):
    """vector -> number: a scikit-learn regressor that is told which rows to validate on, and can be saved.

    A subclass gives `name`, `fit` and `_predict_standardized`, what it refuses of its parameters, and what it has to save.

    Attributes
    ----------
    version : int
        To be raised when a change of the code changes predictions: a study computes its cells anew then.
    seconds : float
        What a fit of 400 rows takes on two cores of an AMD EPYC; a study's estimate until it has fits of its own.
    chosen_ : dict
        The chosen configuration and the score it was chosen by, as JSON values. Scores are in the unit of the
        standardised target: 1.0 is what the mean of y would score.
    n_features_in_ : int
        Number of columns seen in `fit`.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    seconds: ClassVar[float] = 1.0
    chosen_: dict[str, Any]

    @abstractmethod
    def fit(self, X: ArrayLike, y: ArrayLike, *, validation: tuple[Array, Array] | None = None) -> Self:
        """Learn from X (n, d) and y (n,), choosing on `validation`, which is never trained on."""

    @abstractmethod
    def _predict_standardized(self, Z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return standardised predictions (n,) for standardised inputs (n, d)."""

    def check_parameters(self) -> None:
        """Refuse parameters that cannot be meant, as `fit` does, before there is anything to fit.

        A subclass that has parameters of its own adds to this.

        Raises
        ------
        UsageError
            If a parameter is out of range.
        """
        check_scaling(getattr(self, "scaling", "each"))
        check_target_transform(getattr(self, "target_transform", None))

    def refuse_wrong_parameters(self) -> None:
        """Do as `check_parameters`, and refuse what cannot be compared with numbers as well."""
        try:
            self.check_parameters()
        except TypeError as error:
            raise UsageError(
                f"a parameter of {type(self).__name__} of another kind ({error})",
                expected="parameters of the kinds that its documentation names",
                mend="numbers as numbers, not as text",
            ) from error

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return predictions in the unit of y, shape (n,), for X of shape (n, d).

        Raises
        ------
        ValueError
            If X has another number of columns than in `fit`, or is not finite.
        """
        check_is_fitted(self, "chosen_")
        checked = validate_data(self, X, dtype=_FLOATS, reset=False)
        return self._target_scaler.inverse(self._predict_standardized(self._input_scaler.transform(checked)))

    def state(self) -> SavedState:
        """Return what is needed to predict again.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        """
        check_is_fitted(self, "chosen_")
        names = getattr(self, "feature_names_in_", None)
        config = {
            "head": self.name,
            "params": {key: _json_value(value) for key, value in self.get_params(deep=False).items()},
            "chosen": self.chosen_,
            "n_features_in": self.n_features_in_,
            "feature_names_in": None if names is None else list(names),
            "target": self._target_scaler.to_json(),
        }
        scales = {"input_mean": self._input_scaler.mean, "input_deviation": self._input_scaler.deviation}
        return SavedState(config, scales | self._arrays(), self._blobs())

    @classmethod
    def from_state(cls, state: SavedState) -> Self:
        """Return the fitted head whose `state()` this is; its predictions are equal to the last bit.

        Raises
        ------
        SavedModelError
            If it is the state of another kind of head.
        """
        config = state.config
        if config.get("head") != cls.name:
            raise SavedModelError(
                f"a saved head of kind {config.get('head')!r}",
                expected=f"a saved head of kind {cls.name!r}",
                mend="use head_from_state, which finds the class",
            )
        head = cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in config["params"].items()})
        head.chosen_ = config["chosen"]
        head.n_features_in_ = config["n_features_in"]
        if config["feature_names_in"] is not None:
            head.feature_names_in_ = np.array(config["feature_names_in"], dtype=object)
        head._input_scaler = InputScaler(state.arrays["input_mean"], state.arrays["input_deviation"])
        head._target_scaler = TargetScaler(**config["target"])
        head._restore(state)
        return head

    def _arrays(self) -> dict[str, NDArray[Any]]:
        """Return the subclass's own arrays to save."""
        return {}

    def _blobs(self) -> dict[str, bytes]:
        """Return the subclass's own bytes to save."""
        return {}

    def _restore(self, state: SavedState) -> None:
        """Take the subclass's own part of a saved state."""

    def _fit_many(self, problems: Sequence[Problem], description: str) -> list[Self]:
        """Fit a copy to each problem, groups side by side; a head that can do better together overrides this."""
        groups = self._groups(problems)
        stopped = threading.Event()

        def fit(group: list[int]) -> list[Any]:  # of Self, which mypy loses within a function
            return [] if stopped.is_set() else self._fit_group([problems[position] for position in group])

        fitted: dict[int, Self] = {}
        with progress_bar(len(problems), description, "fit") as bar:
            for number, heads in run_side_by_side(fit, groups, stopped.set):
                fitted |= dict(zip(groups[number], heads, strict=True))
                bar.update(len(heads))
        return [fitted[position] for position in range(len(problems))]

    def _groups(self, problems: Sequence[Problem]) -> list[list[int]]:
        """Return the positions of problems by groups, each for `_fit_group`."""
        return [[position] for position in range(len(problems))]

    def _fit_group(self, problems: Sequence[Problem]) -> list[Self]:
        """Fit a copy to each of some problems, on one thread."""
        copies: list[Self] = [seeded(self, problem.random_state) for problem in problems]
        return [copy._fit_alone(problem) for copy, problem in zip(copies, problems, strict=True)]

    def _fit_alone(self, problem: Problem) -> Self:
        """Fit to a problem on one thread."""
        weighted = {} if problem.weight is None else {"sample_weight": problem.weight}
        return self.fit(problem.X, problem.y, validation=problem.validation, **weighted)

    def _read(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Rows:
        """Check parameters and training rows, and leave out those of weight zero.

        Raises
        ------
        UsageError
            If a parameter is out of range.
        ValueError
            If shapes disagree, values are not finite, or fewer than 2 rows count.
        """
        self.refuse_wrong_parameters()
        self.__dict__.pop("chosen_", None)  # a fit that fails or is interrupted leaves no half-fitted head
        inputs, targets = validate_data(self, X, y, dtype=_FLOATS, y_numeric=True, ensure_min_samples=2)
        rows = Rows(inputs, targets.astype(np.float64))
        if sample_weight is None:
            return rows
        weight = check_weights(sample_weight, len(rows))
        return Rows(rows.X, rows.y, weight).take(weight > 0)

    def _read_validation(self, validation: tuple[ArrayLike, ArrayLike] | None) -> Rows | None:
        """Check validation rows as strictly as training rows."""
        if validation is None:
            return None
        X = validate_data(self, validation[0], dtype=_FLOATS, reset=False)
        y = column_or_1d(check_array(validation[1], ensure_2d=False, dtype=np.float64))
        check_consistent_length(X, y)
        return Rows(X, y)

    def _learn_scales(self, train: Rows) -> Rows:
        """Take the training rows' statistics, and return them standardised."""
        self._input_scaler = InputScaler.learn(train.X, train.weight, getattr(self, "scaling", "each"))
        y = self._learn_target_scale(train)
        return Rows(self._input_scaler.transform(train.X), y, train.weight)

    def _learn_target_scale(self, train: Rows) -> NDArray[np.float64]:
        """Take the training targets' statistics, and return them standardised, shape (n,)."""
        self._target_scaler = TargetScaler.learn(
            train.y, train.weight, getattr(self, "target_transform", None)
        )
        return self._target_scaler.transform(train.y)

    def _standardize(self, rows: Rows) -> Rows:
        return Rows(self._input_scaler.transform(rows.X), self._target_scaler.transform(rows.y), rows.weight)

    def _train_and_validation(
        self, train: Rows, validation: tuple[Array, Array] | None, *, fraction: float, seed: int
    ) -> tuple[Rows, Rows]:
        """Return standardised training and validation rows, the latter held out by seed if none are given."""
        held_out = self._read_validation(validation)
        if held_out is None:
            train, held_out = _hold_out(train, fraction, seed)
        return self._learn_scales(train), self._standardize(held_out)


def fit_many(head: Head, problems: Sequence[Problem], *, description: str = "fitting") -> list[Head]:
    """Fit a copy of `head` to each problem, together where the head can.

    Parameters
    ----------
    head
        An unfitted head; it is left as it is.
    problems
        Each with its own rows and seed. `MLPHead` trains those of one input width as one batched computation.
    description
        What the progress bar calls it.

    Returns
    -------
    list of Head
        Fitted, in the order of `problems`. Each is what fitting it alone would give, up to float rounding.

    Raises
    ------
    UsageError
        If a problem has weights and the head takes none.

    Examples
    --------
    >>> from embedreg.heads import RidgeHead
    >>> X = np.arange(6.0)[:, None]
    >>> rising, falling = fit_many(RidgeHead(), [Problem(X, X[:, 0]), Problem(X, -X[:, 0])])
    >>> bool(rising.predict([[9.0]]) > 5), bool(falling.predict([[9.0]]) < -5)
    (True, True)
    """
    for place, problem in enumerate(problems):
        if not isinstance(problem, Problem):
            raise UsageError(
                f"a {type(problem).__name__} as problem {place}",
                expected="an embedreg.heads.Problem",
                mend="Problem(X, y)",
            )
    if any(problem.weight is not None for problem in problems) and not has_fit_parameter(
        head, "sample_weight"
    ):
        raise UsageError(
            f"weights for the head {head.name!r}", expected="a head that takes weights", mend="leave them out"
        )
    return list(head._fit_many(problems, description))


def seeded(head: Head, random_state: int) -> Any:
    """Return an unfitted copy with that seed, if the head has one."""
    copy = clone(head)
    return copy.set_params(random_state=random_state) if "random_state" in copy.get_params() else copy


def draw_seed(random_state: int | np.random.RandomState | None) -> int:
    """Return a seed for another library: the number itself, or one drawn from a generator."""
    if isinstance(random_state, (int, np.integer)):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


def require(holds: bool, name: str, value: object, expected: str) -> None:
    """Raise a UsageError that names a parameter, unless the condition holds."""
    if not holds:
        raise UsageError(f"{name}={value!r}", expected=expected, mend=f"give another {name}")


def _hold_out(rows: Rows, fraction: float, seed: int) -> tuple[Rows, Rows]:
    """Split into training and validation rows: at least 2 of the latter, and at most half."""
    require(0 < fraction < 1, "validation_fraction", fraction, "a fraction between 0 and 1")
    n = len(rows)
    n_validation = min(max(2, round(fraction * n)), n // 2)
    order = np.random.default_rng(seed).permutation(n)
    return rows.take(np.sort(order[n_validation:])), rows.take(np.sort(order[:n_validation]))


def _json_value(value: Any) -> Any:
    """Return a parameter as a JSON value; a random generator has none, and predicting needs none."""
    if isinstance(value, np.random.RandomState):
        return None
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_json_value(item) for item in value]
    return value
