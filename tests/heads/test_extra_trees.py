from __future__ import annotations

import numpy as np
import pytest

from embedreg.core.errors import UsageError
from embedreg.heads import ExtraTreesHead, Problem, fit_many


@pytest.fixture
def product() -> tuple[np.ndarray, np.ndarray]:
    X = np.random.default_rng(0).uniform(size=(150, 3))
    return X, X[:, 0] * X[:, 1]


def test_learns_what_no_line_can(product: tuple) -> None:
    X, y = product
    assert ExtraTreesHead(n_trees=50).fit(X[:100], y[:100]).score(X[100:], y[100:]) > 0.8


def test_larger_leaves_are_fewer(product: tuple) -> None:
    fine, coarse = (ExtraTreesHead(n_trees=10, min_rows_leaf=n).fit(*product) for n in (1, 20))
    assert fine.chosen_["leaves"] > 5 * coarse.chosen_["leaves"]


def test_seeds_differ_and_threads_do_not(product: tuple) -> None:
    X, y = product
    alone = ExtraTreesHead(n_trees=20).fit(X, y).predict(X**2)
    together = fit_many(ExtraTreesHead(n_trees=20), [Problem(X, y), Problem(X, y, random_state=1)])
    np.testing.assert_array_equal(together[0].predict(X**2), alone)
    assert not np.array_equal(together[1].predict(X**2), alone)


@pytest.mark.parametrize("parameters", [{"n_trees": 0}, {"min_rows_leaf": 0}, {"max_columns": 0}])
def test_settings_that_mean_nothing_are_refused(product: tuple, parameters: dict) -> None:
    with pytest.raises(UsageError, match=next(iter(parameters))):
        ExtraTreesHead(**parameters).fit(*product)
