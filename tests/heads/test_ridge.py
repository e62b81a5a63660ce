from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge, RidgeCV

from embedreg.core.errors import UsageError
from embedreg.heads import Problem, RidgeHead, fit_many
from embedreg.heads._base import Rows
from embedreg.heads._ridge import PENALTIES, _Axes, _System


def problem(n: int, d: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    return X, X @ rng.normal(size=d) + rng.normal(size=n)


def brute_force(X: np.ndarray, y: np.ndarray, weight: np.ndarray, penalty: float) -> float:
    """Refit without each row in turn; the penalty is absolute, for weights of mean one."""
    weight = weight / weight.mean()
    errors = []
    for i in range(len(y)):
        rest = np.arange(len(y)) != i
        model = Ridge(alpha=penalty, solver="svd").fit(X[rest], y[rest], sample_weight=weight[rest])
        errors.append(y[i] - model.predict(X[[i]])[0])
    return float(np.average(np.square(errors), weights=weight))


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(3, 12),
    d=st.integers(1, 15),
    seed=st.integers(0, 1000),
    penalty=st.sampled_from([1e-4, 1e-2, 1.0]),
    weighted=st.booleans(),
)
def test_leave_one_out_is_exact(n: int, d: int, seed: int, penalty: float, weighted: bool) -> None:
    X, y = problem(n, d, seed)
    weight = np.random.default_rng(seed).uniform(0.2, 3, size=n) if weighted else np.ones(n)
    system = _System.of(_Axes.of(Rows(X, y, weight if weighted else None)), y)
    found = system.leave_one_out_mse(np.array([penalty]))[0]
    assert found == pytest.approx(brute_force(X, y, weight, system._absolute(penalty)), rel=1e-6)


@pytest.mark.parametrize(("n", "d"), [(60, 5), (20, 40), (30, 30)])
def test_primal_and_dual_solve_the_same_problem(n: int, d: int) -> None:
    X, y = problem(n, d)
    weight = np.linspace(0.5, 2, n)
    system = _System.of(_Axes.of(Rows(X, y, weight)), y)
    coef, intercept = system.solution(1e-3)
    expected = Ridge(alpha=system._absolute(1e-3), solver="svd").fit(
        X, y, sample_weight=weight / weight.mean()
    )
    np.testing.assert_allclose(coef, expected.coef_, rtol=1e-8, atol=1e-10)
    assert intercept == pytest.approx(expected.intercept_)


@pytest.mark.parametrize(("n", "d"), [(50, 6), (25, 60)])
def test_the_choice_is_that_of_scikit_learn(n: int, d: int) -> None:
    X, y = problem(n, d)
    head = RidgeHead().fit(X, y)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    t = (y - y.mean()) / y.std()
    absolute = np.array(PENALTIES) * np.square(Z).sum()
    reference = RidgeCV(alphas=absolute, scoring="neg_mean_squared_error").fit(Z, t)
    assert head.chosen_["penalty"] * np.square(Z).sum() == pytest.approx(reference.alpha_)
    assert head.chosen_["loo_mse"] == pytest.approx(-reference.best_score_)
    np.testing.assert_allclose(head.predict(X), reference.predict(Z) * y.std() + y.mean(), rtol=1e-6)


def test_noise_asks_for_more_penalty_than_signal() -> None:
    X, _ = problem(80, 10)
    clean = X @ np.ones(10)
    noise = np.random.default_rng(5).normal(size=80)
    assert RidgeHead().fit(X, clean).chosen_["penalty"] < RidgeHead().fit(X, noise).chosen_["penalty"]


def test_an_edge_of_the_grid_is_told() -> None:
    X, y = problem(80, 10)
    assert RidgeHead(penalties=(1e-3, 1.0, 10.0)).fit(X, X @ np.ones(10)).chosen_["at_grid_edge"]
    assert not RidgeHead().fit(X, y).chosen_["at_grid_edge"]


@pytest.mark.parametrize("penalties", [(), (0.0, 1.0), (-1.0,), (np.nan,), 1.0])
def test_a_grid_without_positive_numbers_is_refused(penalties: object) -> None:
    with pytest.raises(UsageError, match="penalties="):
        RidgeHead(penalties=penalties).fit(*problem(10, 2))


def test_two_rows_and_collinear_columns() -> None:
    X = np.array([[0.0, 0.0, 1.0], [1.0, 2.0, 1.0]])
    predicted = RidgeHead().fit(X, [0.0, 1.0]).predict(X)
    assert np.isfinite(predicted).all()
    wide = np.tile(problem(30, 1)[0], 50)
    assert RidgeHead().fit(wide, wide[:, 0]).score(wide, wide[:, 0]) > 0.99


def test_validation_rows_change_nothing() -> None:
    X, y = problem(40, 3)
    without = RidgeHead().fit(X[:30], y[:30]).predict(X)
    np.testing.assert_array_equal(
        RidgeHead().fit(X[:30], y[:30], validation=(X[30:], y[30:])).predict(X), without
    )


def test_the_scale_of_weights_does_not_matter() -> None:
    X, y = problem(30, 4)
    weight = np.linspace(1, 2, 30)
    once, thousandfold = (RidgeHead().fit(X, y, w).predict(X) for w in (weight, 1000 * weight))
    np.testing.assert_allclose(once, thousandfold)


@pytest.mark.parametrize(("n", "d"), [(60, 5), (20, 40)])
def test_equal_inputs_are_decomposed_once(n: int, d: int, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = problem(n, d)
    weight = np.linspace(0.0, 2.0, n)
    problems = [
        Problem(X, y),
        Problem(X, y, weight=weight),
        Problem(X.copy(), np.exp(y / np.ptp(y)), validation=(X[:3], y[:3])),
        Problem(X + 1e-3, y),
        Problem(X, -y, weight=weight.copy()),
        Problem(X[:-1], y[:-1]),
        Problem(X.astype(np.float32), y),
    ]
    alone = [RidgeHead(target_transform="auto").fit(p.X, p.y, p.weight) for p in problems]
    decomposed = []

    def decompose(train: Rows) -> _Axes:
        decomposed.append(len(train))
        return whole(train)

    whole = _Axes.of
    monkeypatch.setattr(_Axes, "of", decompose)
    together = fit_many(RidgeHead(target_transform="auto"), problems)
    assert len(decomposed) == 5
    for one, other in zip(together, alone, strict=True):
        assert one.chosen_ == pytest.approx(other.chosen_, rel=1e-9)
        np.testing.assert_allclose(one.predict(X), other.predict(X), rtol=1e-9, atol=1e-12)
