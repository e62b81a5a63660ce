from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize
from sklearn.gaussian_process import GaussianProcessRegressor

from embedreg.core.errors import UsageError
from embedreg.heads import GaussianProcessHead, head_from_state
from embedreg.heads._gp import _Cost


@pytest.fixture
def wave() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.uniform(-3, 3, size=(80, 3))
    return X, np.sin(2 * X[:, 0]) + 0.05 * rng.normal(size=80)


def test_predicts_what_scikit_learn_predicts_with_that_kernel(wave: tuple) -> None:
    X, y = wave
    head = GaussianProcessHead().fit(X, y)
    Z, t = (X - X.mean(axis=0)) / X.std(axis=0), (y - y.mean()) / y.std()
    oracle = GaussianProcessRegressor(head.kernel_, optimizer=None).fit(Z, t)
    np.testing.assert_allclose(head.predict(X), oracle.predict(Z) * y.std() + y.mean(), rtol=1e-6, atol=1e-8)


def test_the_parameters_found_are_as_likely_as_those_of_scikit_learns_own_search(wave: tuple) -> None:
    X, y = wave
    y = y + np.random.default_rng(1).normal(size=80)  # enough noise that no parameter is at its bound
    head = GaussianProcessHead().fit(X, y)
    Z, t = (X - X.mean(axis=0)) / X.std(axis=0), (y - y.mean()) / y.std()
    own = GaussianProcessRegressor(head.kernel_, random_state=0).fit(Z, t)
    assert head.chosen_["log_likelihood"] > own.log_marginal_likelihood_value_ - 1.0


def test_a_length_scale_each_finds_the_column_that_matters(wave: tuple) -> None:
    X, y = wave
    shared, each = (
        GaussianProcessHead(length_scales=scales).fit(X[:50], y[:50]) for scales in ("shared", "each")
    )
    lengths = np.exp(each.kernel_.theta[1:-1])
    assert len(lengths) == 3
    assert lengths[0] < lengths[1:].min() / 3
    assert each.score(X[50:], y[50:]) > shared.score(X[50:], y[50:])


def test_without_a_signal_no_column_gets_a_length_scale_of_its_own() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120, 40)), rng.normal(size=120)
    lengths = GaussianProcessHead(length_scales="each").fit(X, y).kernel_.theta[1:-1]
    assert np.abs(lengths - np.median(lengths)).max() < 1.0


def test_the_gradient_of_the_search_is_that_of_its_cost() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 3)), rng.normal(size=30)
    for nu in (0.5, 1.5, 2.5):
        cost = _Cost(X, y, nu, 0.3)
        theta = np.array([0.1, 0.5, -0.2, 0.9, -1.0])
        numeric = optimize.approx_fprime(theta, lambda t, cost=cost: cost(t)[0], 1e-6)
        np.testing.assert_allclose(cost(theta)[1], numeric, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("parameters", [{"nu": 3.0}, {"length_scales": "own"}, {"scaling": "none"}])
def test_settings_that_mean_nothing_are_refused(wave: tuple, parameters: dict) -> None:
    with pytest.raises(UsageError, match=next(iter(parameters))):
        GaussianProcessHead(**parameters).fit(*wave)


def test_too_many_rows_are_refused_before_the_work(wave: tuple) -> None:
    with pytest.raises(UsageError, match="80 rows"):
        GaussianProcessHead(max_rows=79).fit(*wave)


def test_many_rows_are_predicted_in_parts(wave: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = wave
    head = GaussianProcessHead().fit(X, y)
    whole = head.predict(X)
    monkeypatch.setattr("embedreg.heads._gp._AT_ONCE", 7)
    np.testing.assert_allclose(head.predict(X), whole, rtol=1e-12)


def test_no_noise_and_only_noise_are_no_trouble() -> None:
    X = np.linspace(0, 1, 30)[:, None]
    assert GaussianProcessHead().fit(X, X[:, 0] ** 2).score(X, X[:, 0] ** 2) > 0.999
    noise = np.random.default_rng(0).normal(size=30)
    assert np.isfinite(GaussianProcessHead().fit(X, noise).predict(X)).all()


def test_a_saved_one_has_the_very_parameters_that_were_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exponential of the logarithm of a number may be another one."""
    X, y = np.random.default_rng(0).normal(size=(2, 20, 1))
    found = np.random.default_rng(0).uniform(-1, 1, size=10_000)
    values = np.exp(found)
    odd = found[np.exp(np.log(values)) != values][:3]
    assert len(odd) == 3
    monkeypatch.setattr(GaussianProcessHead, "_parameters", lambda *_: odd)
    head = GaussianProcessHead().fit(X, y[:, 0])
    loaded = head_from_state(head.state())
    np.testing.assert_array_equal(loaded.predict(X), head.predict(X))


def test_a_kernel_that_the_fastest_way_does_not_converge_on(monkeypatch):
    from embedreg.heads import _gp

    random = np.random.default_rng(0)
    X = random.integers(0, 3, size=(40, 4)).astype(float)
    y = X.sum(axis=1) + 0.1 * random.normal(size=40)
    usual = GaussianProcessHead().fit(X, y).predict(X)
    fastest = _gp.linalg.eigh

    def no_convergence(kernel, driver):
        if driver == "evd":
            raise _gp.linalg.LinAlgError("no convergence")
        return fastest(kernel, driver=driver)

    monkeypatch.setattr(_gp.linalg, "eigh", no_convergence)

    np.testing.assert_allclose(GaussianProcessHead().fit(X, y).predict(X), usual, rtol=1e-6)
