from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesRegressor, RandomForestRegressor

from embedreg.heads import _forest
from embedreg.heads._forest import Forest


@pytest.mark.parametrize("kind", [ExtraTreesRegressor, RandomForestRegressor])
@pytest.mark.parametrize("settings", [{}, {"max_depth": 1}, {"min_samples_leaf": 20}])
def test_the_trees_as_arrays_predict_what_scikit_learn_predicts(kind, settings):
    rng = np.random.default_rng(0)
    X, new = rng.normal(size=(150, 4)), rng.normal(size=(80, 4))
    trees = kind(20, random_state=0, **settings).fit(X, X[:, 0] * X[:, 1])
    forest = Forest.of(trees.estimators_)
    np.testing.assert_allclose(forest.predict(new), trees.predict(new), rtol=1e-12, atol=1e-12)


def test_trees_of_one_leaf_predict_the_mean():
    X = np.zeros((10, 2))
    trees = ExtraTreesRegressor(3, random_state=0).fit(X, np.arange(10.0))
    np.testing.assert_allclose(Forest.of(trees.estimators_).predict(X), 4.5)


def test_batches_and_saving_change_nothing(monkeypatch):
    X = np.random.default_rng(0).normal(size=(60, 3))
    forest = Forest.of(ExtraTreesRegressor(10, random_state=0).fit(X, X[:, 0]).estimators_)
    whole = forest.predict(X)
    monkeypatch.setattr(_forest, "_VISITS_AT_ONCE", 70)
    np.testing.assert_array_equal(forest.predict(X), whole)
    np.testing.assert_array_equal(Forest.from_arrays(forest.arrays()).predict(X), whole)
