"""Gradient-boosted trees, stopped early on validation rows."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import numpy as np
import xgboost as xgb

from embedreg.core.progress import progress_bar
from embedreg.heads._base import Head, Rows, draw_seed, require, seeded
from embedreg.heads._workers import run_side_by_side, worker_count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from embedreg.core.protocols import Array, SavedState
    from embedreg.heads._base import Problem


_WIDE: Final = 100
_WORTH_THREADS: Final = 2_000  # numbers in a matrix; threads that share less only wait for each other


class _StopWhenTold(xgb.callback.TrainingCallback):
    """Ends a fit whose result nobody waits for any more."""

    def __init__(self, stopped: threading.Event) -> None:
        super().__init__()
        self._stopped = stopped

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002 (XGBoost's signature)
        return self._stopped.is_set()


class XGBoostHead(Head):
    """XGBoost (Chen and Guestrin, 2016) on squared error, with as many trees as do best on validation rows.

    Columns are cut into 256 bins, or into 64 where there are more than 100 columns: on embeddings that takes
    a third of the time, at a Kendall tau that did not differ measurably (.55 on 6 tasks).

    Parameters
    ----------
    max_rounds
        Trees at most.
    early_stopping_rounds
        Stop when the validation error has not improved for so many trees. None grows `max_rounds` trees on all
        training rows, and holds out none.
    learning_rate
        Shrinkage of each tree.
    max_depth
        Of each tree; 0 for no limit.
    max_leaves
        Of each tree, which then grows leaf by leaf, always where the error falls most, as in LightGBM. None grows it
        level by level.
    min_child_weight
        Rows in a leaf at least, a row of twice the mean weight counting twice.
    reg_lambda
        Penalty on the squares of the leaves' values.
    subsample, colsample_bytree
        Share of the rows and of the columns that each tree sees.
    max_bin
        Bins a column's values are put into; None for 256, or 64 where there are more than 100 columns.
    validation_fraction
        Share of the training rows that is held out when `fit` is given no validation rows.
    target_transform
        None, "yeo-johnson", or "auto": Yeo-Johnson if the training targets' absolute skewness is above 1.
    random_state
        Seed of the held-out part and of the subsampling. One seed gives one model, whatever the number of
        threads.

    Attributes
    ----------
    booster_ : xgboost.Booster
        The trees up to the best round.
    chosen_ : dict
        rounds, and validation_mse in the unit of the standardised target if they were chosen by it.
    n_features_in_ : int
        Number of columns seen in `fit`.

    Examples
    --------
    >>> X = np.arange(40.0)[:, None]
    >>> head = XGBoostHead(max_rounds=200).fit(X, X[:, 0] > 20)
    >>> head.predict([[5.0], [35.0]]).round(1)
    array([0., 1.])
    """

    name: ClassVar[str] = "xgboost"
    seconds: ClassVar[float] = 0.9

    def __init__(
        self,
        *,
        max_rounds: int = 2000,
        early_stopping_rounds: int | None = 50,
        learning_rate: float = 0.05,
        max_depth: int = 6,
        max_leaves: int | None = None,
        min_child_weight: float = 1.0,
        reg_lambda: float = 1.0,
        subsample: float = 0.8,
        colsample_bytree: float = 0.8,
        max_bin: int | None = None,
        validation_fraction: float = 1 / 9,
        target_transform: str | None = None,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.max_rounds = max_rounds
        self.early_stopping_rounds = early_stopping_rounds
        self.learning_rate = learning_rate
        self.max_depth = max_depth
        self.max_leaves = max_leaves
        self.min_child_weight = min_child_weight
        self.reg_lambda = reg_lambda
        self.subsample = subsample
        self.colsample_bytree = colsample_bytree
        self.max_bin = max_bin
        self.validation_fraction = validation_fraction
        self.target_transform = target_transform
        self.random_state = random_state

    def check_parameters(self) -> None:
        """Refuse parameters out of range."""
        super().check_parameters()
        require(self.max_rounds >= 1, "max_rounds", self.max_rounds, "at least 1")
        patience, leaves = self.early_stopping_rounds, self.max_leaves
        require(patience is None or patience >= 1, "early_stopping_rounds", patience, "at least 1, or None")
        require(self.learning_rate > 0, "learning_rate", self.learning_rate, "a number above 0")
        require(self.max_depth >= 0, "max_depth", self.max_depth, "at least 0, which is no limit")
        require(leaves is None or leaves >= 2, "max_leaves", leaves, "at least 2, or None")
        require(self.max_bin is None or self.max_bin >= 2, "max_bin", self.max_bin, "at least 2, or None")
        for name in ("min_child_weight", "reg_lambda"):
            require(getattr(self, name) >= 0, name, getattr(self, name), "a number not below 0")
        for name in ("subsample", "colsample_bytree"):
            require(0 < getattr(self, name) <= 1, name, getattr(self, name), "a share above 0 and up to 1")

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        validation: tuple[Array, Array] | None = None,
    ) -> Self:
        """Grow trees on training rows until the error on validation rows stops improving.

        Parameters
        ----------
        X, y
            Shapes (n, d) and (n,), n at least 2.
        sample_weight
            Shape (n,), not negative, of which only the ratios count.
        validation
            Inputs and targets to stop on, never trained on; None holds out a seeded part of the training
            rows.

        Raises
        ------
        ValueError
            If an input is not finite or shapes disagree.
        """
        return self._fit(X, y, sample_weight, validation, worker_count(), threading.Event())

    def _fit_many(self, problems: Sequence[Problem], description: str) -> list[Self]:
        """Fit problems side by side: two fits on a thread each take less time than one after the other on two."""
        stopped = threading.Event()
        threads = max(1, worker_count() // max(1, len(problems)))

        def fit(problem: Problem) -> XGBoostHead:
            head: XGBoostHead = seeded(self, problem.random_state)
            return head._fit(problem.X, problem.y, problem.weight, problem.validation, threads, stopped)

        fitted: dict[int, Any] = {}
        with progress_bar(len(problems), description, "fit") as bar:
            for position, head in run_side_by_side(fit, problems, stopped.set):
                fitted[position] = head
                bar.update()
        return [fitted[position] for position in range(len(problems))]

    def _fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None,
        validation: tuple[Array, Array] | None,
        threads: int,
        stopped: threading.Event,
    ) -> Self:
        """Fit on so many threads at most, which changes no number."""
        rows = self._read(X, y, sample_weight)
        threads = threads if rows.X.size >= _WORTH_THREADS else 1
        seed = draw_seed(self.random_state)
        if self.early_stopping_rounds is None:
            self._read_validation(validation)
            booster = self._grow(self._learn_scales(rows), None, seed, threads, stopped)
            self.booster_, self.chosen_ = booster, {"rounds": self.max_rounds}
            return self
        train, held_out = self._train_and_validation(
            rows, validation, fraction=self.validation_fraction, seed=seed
        )
        booster = self._grow(train, held_out, seed, threads, stopped)
        if stopped.is_set():
            return self  # unfitted, for nobody
        rounds = booster.best_iteration + 1
        self.booster_ = booster[:rounds]
        self.chosen_ = {"rounds": rounds, "validation_mse": float(booster.best_score) ** 2}
        return self

    def _grow(
        self, train: Rows, held_out: Rows | None, seed: int, threads: int, stopped: threading.Event
    ) -> xgb.Booster:
        max_bin = self.max_bin or (64 if train.X.shape[1] > _WIDE else 256)
        settings = {
            "objective": "reg:squarederror",
            "tree_method": "hist",
            "eta": self.learning_rate,
            "max_depth": self.max_depth,
            "min_child_weight": self.min_child_weight,
            "reg_lambda": self.reg_lambda,
            "subsample": self.subsample,
            "colsample_bytree": self.colsample_bytree,
            "max_bin": max_bin,
            "base_score": 0.0,  # the mean of the standardised target
            "seed": seed,
            "nthread": threads,
            "verbosity": 0,
        }
        if self.max_leaves is not None:
            settings |= {"grow_policy": "lossguide", "max_leaves": self.max_leaves}
        shared = {"max_bin": max_bin, "nthread": threads}
        matrix = xgb.QuantileDMatrix(train.X, train.y, weight=train.weight, **shared)
        told = [_StopWhenTold(stopped)]
        if held_out is None:
            return xgb.train(settings, matrix, num_boost_round=self.max_rounds, callbacks=told)
        other = xgb.QuantileDMatrix(held_out.X, held_out.y, weight=held_out.weight, ref=matrix, **shared)
        return xgb.train(
            settings,
            matrix,
            num_boost_round=self.max_rounds,
            evals=[(other, "validation")],
            early_stopping_rounds=self.early_stopping_rounds,
            verbose_eval=False,
            callbacks=told,
        )

    def _predict_standardized(self, Z: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(self.booster_.inplace_predict(Z), dtype=np.float64)

    def _blobs(self) -> dict[str, bytes]:
        return {"ubj": bytes(self.booster_.save_raw("ubj"))}

    def _restore(self, state: SavedState) -> None:
        self.booster_ = xgb.Booster()
        self.booster_.load_model(bytearray(state.blobs["ubj"]))
