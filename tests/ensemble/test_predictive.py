from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeRegressor

from embedreg.ensemble import _predictive
from embedreg.ensemble._predictive import Predictive


def learnt(n: int = 60, folds: int = 3, seed: int = 0) -> Predictive:
    rng = np.random.default_rng(seed)
    return Predictive.learn(rng.normal(size=n), rng.uniform(size=n), np.arange(n) % folds)


def asked(n: int = 40, folds: int = 3, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(folds, n)), rng.uniform(size=(folds, n))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.001, 0.999), min_size=2, max_size=9).map(sorted), st.integers(4, 200))
def test_quantiles_ascend_with_their_levels(levels, n):
    found = learnt(n).quantiles(*asked(), np.array(levels))
    assert found.shape == (40, len(levels))
    assert np.all(np.diff(found, axis=1) >= 0)


def test_a_quantile_is_the_order_statistic_that_covers_enough():
    residuals = np.arange(1.0, 20.0)  # 19 of them: (19 + 1) * 0.95 = 19, (19 + 1) * 0.05 = 1
    predictive = Predictive(residuals, np.zeros(19, dtype=int), 1.0)
    found = predictive.quantiles(np.zeros((1, 1)), np.ones((1, 1)), np.array([0.05, 0.5, 0.55, 0.95]))
    np.testing.assert_allclose(found[0], [1, 10, 11, 19])


def test_levels_beyond_what_the_rows_can_tell_are_at_the_ends():
    predictive = Predictive(np.arange(9.0), np.zeros(9, dtype=int), 1.0)
    found = predictive.quantiles(np.zeros((1, 1)), np.ones((1, 1)), np.array([1e-6, 1 - 1e-6]))
    assert found[0].tolist() == [0.0, 8.0]


def test_batches_change_nothing(monkeypatch):
    predictive, levels = learnt(), np.array([0.1, 0.5, 0.9])
    whole = predictive.quantiles(*asked(), levels)
    monkeypatch.setattr(_predictive, "_AT_ONCE", 60 * 7)
    np.testing.assert_array_equal(predictive.quantiles(*asked(), levels), whole)


def test_each_residual_goes_with_the_models_of_its_own_fold():
    predictive = Predictive(np.array([0.0, 0.0]), np.array([0, 1]), 1.0)
    centers = np.array([[10.0], [20.0]])
    found = predictive.quantiles(centers, np.ones_like(centers), np.array([0.01, 0.99]))
    assert found[0].tolist() == [10.0, 20.0]


def test_disagreement_widens_and_agreement_does_not_narrow_below_the_floor():
    predictive, center = learnt(200), np.zeros((3, 4))
    spreads = np.array([0.0, 0.1, 1.0, 10.0])[None].repeat(3, axis=0)
    low, high = predictive.quantiles(*predictive.for_mean(center, spreads), np.array([0.05, 0.95])).T
    assert np.all(np.diff(high - low) > 0)
    assert (high - low)[0] == pytest.approx(
        predictive.floor * np.diff(np.quantile(predictive.residuals, [0.05, 0.95]))[0], rel=0.2
    )


def test_residuals_that_are_all_zero_give_an_interval_of_no_width():
    predictive = Predictive.learn(np.zeros(10), np.zeros(10), np.arange(10) % 2)
    found = predictive.quantiles(
        *predictive.for_mean(np.ones((2, 1)), np.zeros((2, 1))), np.array([0.1, 0.9])
    )
    assert found[0].tolist() == [1.0, 1.0]


def test_no_more_residuals_are_kept_than_a_quantile_needs():
    predictive = learnt(5000)
    assert len(predictive.residuals) == len(predictive.folds) == 2000


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9])
def test_exchangeable_rows_are_covered_as_often_as_asked(coverage):
    """200 training sets of 50 rows, 20 new rows each; the mean of them differs by less than its standard error says."""
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(200):
        y = rng.standard_t(df=3, size=70)
        train, new, folds = y[:50], y[50:], np.arange(50) % 5
        means = np.array([train[folds != k].mean() for k in range(5)])
        predictive = Predictive.learn(train - means[folds], np.zeros(50), folds)
        levels = np.array([(1 - coverage) / 2, (1 + coverage) / 2])
        centers = means[:, None].repeat(20, axis=1)
        low, high = predictive.quantiles(*predictive.for_mean(centers, np.zeros_like(centers)), levels).T
        covered.append(np.mean((low <= new) & (new <= high)))
    error = np.std(covered) / np.sqrt(len(covered))
    assert coverage - 3 * error <= np.mean(covered) <= coverage + 2 / 51 + 3 * error


def test_around_the_mean_of_folds_the_second_moment_is_what_their_spread_leaves():
    rng = np.random.default_rng(0)
    predictive = Predictive(rng.normal(size=4000), rng.integers(5, size=4000), 1.0)
    centers = rng.normal(scale=0.5, size=(5, 3))
    center, difficulty = predictive.for_mean(centers, np.zeros_like(centers))
    np.testing.assert_allclose(center[0], centers.mean(axis=0))
    np.testing.assert_allclose(
        difficulty[0] ** 2 * np.mean(predictive.residuals**2),
        np.mean(predictive.residuals**2) - centers.var(axis=0),
    )


def test_models_that_disagree_more_than_they_err_leave_a_quarter():
    predictive = Predictive(np.array([-1.0, 1.0]), np.array([0, 1]), 1.0)
    _, difficulty = predictive.for_mean(np.array([[-9.0], [9.0]]), np.zeros((2, 1)))
    assert difficulty.tolist() == [[0.5], [0.5]]


def test_the_mean_of_unstable_models_is_covered_as_often_as_asked():
    """Trees that see 40 rows differ much from fold to fold; plain CV+ covers 0.93 of them."""
    covered = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        X = rng.uniform(size=(250, 4))
        y = np.sin(6 * X[:, 0]) + X[:, 1] + 0.1 * rng.normal(size=250)
        train, new, folds = slice(0, 50), slice(50, 250), np.arange(50) % 5
        models = [
            DecisionTreeRegressor(random_state=0).fit(X[train][folds != k], y[train][folds != k])
            for k in range(5)
        ]
        own = np.array([models[k].predict(x[None])[0] for k, x in zip(folds, X[train], strict=True)])
        predictive = Predictive.learn(y[train] - own, np.zeros(50), folds)
        centers = np.array([model.predict(X[new]) for model in models])
        low, high = predictive.quantiles(
            *predictive.for_mean(centers, np.zeros_like(centers)), np.array([0.1, 0.9])
        ).T
        covered.append(np.mean((low <= y[new]) & (y[new] <= high)))
    assert 0.76 <= np.mean(covered) <= 0.84


def test_saved_arrays_keep_every_bit():
    predictive = learnt()
    loaded = Predictive.from_arrays(predictive.arrays())
    levels = np.array([0.05, 0.95])
    np.testing.assert_array_equal(loaded.quantiles(*asked(), levels), predictive.quantiles(*asked(), levels))


def test_mapie_finds_the_same_intervals():
    """MAPIE's CV+ on absolute residuals, made symmetric here by giving each residual with both signs."""
    from mapie.regression import CrossConformalRegressor
    from sklearn.linear_model import LinearRegression
    from sklearn.model_selection import PredefinedSplit

    rng = np.random.default_rng(0)
    X, new = rng.normal(size=(60, 3)), rng.normal(size=(25, 3))
    y = X @ [1.0, 2.0, 3.0] + rng.normal(size=60)
    folds = np.arange(60) % 5
    oracle = CrossConformalRegressor(
        LinearRegression(), confidence_level=0.9, method="plus", cv=PredefinedSplit(folds)
    )
    _, expected = oracle.fit_conformalize(X, y).predict_interval(new)

    models = [LinearRegression().fit(X[folds != k], y[folds != k]) for k in range(5)]
    residuals = np.abs(y - np.array([models[k].predict(x[None])[0] for k, x in zip(folds, X, strict=True)]))
    centers = np.array([model.predict(new) for model in models])
    upper = Predictive(residuals, folds, 1.0).quantiles(centers, np.ones_like(centers), np.array([0.9]))
    lower = Predictive(-residuals, folds, 1.0).quantiles(centers, np.ones_like(centers), np.array([0.1]))
    np.testing.assert_allclose(np.column_stack([lower, upper]), expected[:, :, 0], rtol=1e-12)
