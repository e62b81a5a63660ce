"""Extremely randomised trees: little to tune, and strong on small tables."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from sklearn.tree import ExtraTreeRegressor

from embedreg.heads._base import Head, Rows, draw_seed, require
from embedreg.heads._forest import Forest
from embedreg.heads._workers import run_side_by_side, worker_count

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from embedreg.core.protocols import Array, SavedState
    from embedreg.heads._base import Problem


class ExtraTreesHead(Head):
    """Extremely randomised trees (Geurts, Ernst and Wehenkel, 2006): the mean of trees cut at random thresholds.

    Parameters
    ----------
    n_trees
        How many.
    min_rows_leaf
        The fewest training rows in a leaf.
    max_columns
        How many columns, drawn anew, each cut is chosen from at most.
    target_transform
        None, "yeo-johnson", or "auto": Yeo-Johnson if the training targets' absolute skewness is above 1.
    random_state
        Seed of the trees.

    Attributes
    ----------
    forest_ : Forest
        The trees' nodes.
    chosen_ : dict
        trees and leaves, the number of all trees' leaves. Nothing is chosen on validation rows.
    n_features_in_ : int
        Number of columns seen in `fit`.

    Examples
    --------
    >>> X = np.arange(40.0)[:, None]
    >>> ExtraTreesHead(n_trees=50).fit(X, X[:, 0]).predict([[5.0], [35.0]]).round()
    array([ 5., 35.])
    """

    name: ClassVar[str] = "extra_trees"
    seconds: ClassVar[float] = 0.7

    def __init__(
        self,
        *,
        n_trees: int = 300,
        min_rows_leaf: int = 1,
        max_columns: int = 60,
        target_transform: str | None = None,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.n_trees = n_trees
        self.min_rows_leaf = min_rows_leaf
        self.max_columns = max_columns
        self.target_transform = target_transform
        self.random_state = random_state

    def check_parameters(self) -> None:
        """Refuse parameters out of range."""
        super().check_parameters()
        require(self.n_trees >= 1, "n_trees", self.n_trees, "at least 1")
        require(self.min_rows_leaf >= 1, "min_rows_leaf", self.min_rows_leaf, "at least 1")
        require(self.max_columns >= 1, "max_columns", self.max_columns, "at least 1")

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        validation: tuple[Array, Array] | None = None,
    ) -> Self:
        """Grow the trees on training rows alone.

        Parameters
        ----------
        X, y
            Shapes (n, d) and (n,), n at least 2.
        sample_weight
            Shape (n,), not negative, of which only the ratios count.
        validation
            Checked and not used; it is here so that heads are interchangeable.

        Raises
        ------
        ValueError
            If an input is not finite or shapes disagree.
        """
        return self._fit(X, y, sample_weight, validation, side_by_side=True)

    def _fit_alone(self, problem: Problem) -> Self:
        return self._fit(problem.X, problem.y, problem.weight, problem.validation, side_by_side=False)

    def _fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None,
        validation: tuple[Array, Array] | None,
        *,
        side_by_side: bool,
    ) -> Self:
        """Fit, trees side by side or on one thread, which changes no number."""
        rows = self._read(X, y, sample_weight)
        self._read_validation(validation)
        train = self._learn_scales(rows)
        seeds = np.random.default_rng(draw_seed(self.random_state)).integers(2**31 - 1, size=self.n_trees)
        self.forest_ = Forest.of(self._grow(train, seeds, side_by_side=side_by_side))
        leaves = int(np.sum(self.forest_.left == np.arange(len(self.forest_.left))))
        self.chosen_: dict[str, Any] = {"trees": self.n_trees, "leaves": leaves}
        return self

    def _grow(self, train: Rows, seeds: NDArray[np.int64], *, side_by_side: bool) -> list[ExtraTreeRegressor]:
        """Return a tree a seed.

        scikit-learn's forest does the same, but sets the process's warning filters in every thread at once.
        """
        X = np.ascontiguousarray(train.X, dtype=np.float32)
        y = np.float64(np.float32(train.y))  # rounded, so that no last bit decides between equal cuts
        columns = min(self.max_columns, X.shape[1])
        stopped = threading.Event()

        def grow(own: NDArray[np.int64]) -> list[ExtraTreeRegressor]:
            trees = (
                ExtraTreeRegressor(
                    max_features=columns, min_samples_leaf=self.min_rows_leaf, random_state=int(seed)
                )
                for seed in own
                if not stopped.is_set()
            )
            return [tree.fit(X, y, train.weight, check_input=False) for tree in trees]

        if not side_by_side:
            return grow(seeds)
        parts = np.array_split(seeds, min(len(seeds), 4 * worker_count()))
        grown = dict(run_side_by_side(grow, parts, stopped.set))
        return [tree for part in range(len(parts)) for tree in grown[part]]

    def _predict_standardized(self, Z: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.forest_.predict(Z)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return self.forest_.arrays()

    def _restore(self, state: SavedState) -> None:
        self.forest_ = Forest.from_arrays(state.arrays)
