"""Extremely randomised trees: little to tune, and strong on small tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor

from embedreg.heads._base import Head, draw_seed, require
from embedreg.heads._forest import Forest
from embedreg.heads._workers import worker_count

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
            Shape (n,), not negative.
        validation
            Checked and not used; it is here so that heads are interchangeable.

        Raises
        ------
        ValueError
            If an input is not finite or shapes disagree.
        """
        return self._fit(X, y, sample_weight, validation, worker_count())

    def _fit_alone(self, problem: Problem) -> Self:
        return self._fit(problem.X, problem.y, problem.weight, problem.validation, 1)

    def _fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None,
        validation: tuple[Array, Array] | None,
        threads: int,
    ) -> Self:
        """Fit on so many threads, which changes no number."""
        require(self.n_trees >= 1, "n_trees", self.n_trees, "at least 1")
        require(self.min_rows_leaf >= 1, "min_rows_leaf", self.min_rows_leaf, "at least 1")
        require(self.max_columns >= 1, "max_columns", self.max_columns, "at least 1")
        rows = self._read(X, y, sample_weight)
        self._read_validation(validation)
        train = self._learn_scales(rows)
        grown = ExtraTreesRegressor(
            self.n_trees,
            min_samples_leaf=self.min_rows_leaf,
            max_features=min(self.max_columns, train.X.shape[1]),
            random_state=draw_seed(self.random_state),
            n_jobs=threads,
        ).fit(
            train.X, np.float32(train.y), train.weight
        )  # rounded, so that no last bit decides between equal cuts
        self.forest_ = Forest.of(grown.estimators_)
        leaves = int(np.sum(self.forest_.left == np.arange(len(self.forest_.left))))
        self.chosen_: dict[str, Any] = {"trees": self.n_trees, "leaves": leaves}
        return self

    def _predict_standardized(self, Z: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.forest_.predict(Z)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return self.forest_.arrays()

    def _restore(self, state: SavedState) -> None:
        self.forest_ = Forest.from_arrays(state.arrays)
