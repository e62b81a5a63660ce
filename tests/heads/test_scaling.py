from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from sklearn.preprocessing import StandardScaler

from embedreg.core.errors import DataError, UsageError
from embedreg.heads._scaling import InputScaler, TargetScaler, inverse_yeo_johnson, yeo_johnson

VALUES = st.floats(-1e6, 1e6)
TARGETS = arrays(np.float64, st.integers(2, 30), elements=VALUES)


def test_inputs_as_scikit_learn_scales_them() -> None:
    X = np.random.default_rng(0).normal(size=(50, 3)) * [1, 10, 100] + [0, 5, -7]
    weight = np.arange(1.0, 51)
    expected = StandardScaler().fit(X, sample_weight=weight).transform(X)
    np.testing.assert_allclose(InputScaler.learn(X, weight).transform(X), expected)


def test_together_the_columns_keep_their_shares_of_the_variance() -> None:
    X = np.column_stack([np.random.default_rng(0).normal(size=(50, 2)) * [1, 10], np.ones(50)])
    Z = InputScaler.learn(X, None, "together").transform(X)
    np.testing.assert_allclose(Z[:, 1].std() / Z[:, 0].std(), X[:, 1].std() / X[:, 0].std())
    np.testing.assert_allclose(np.mean(Z[:, :2] ** 2), 1)
    assert not Z[:, 2].any()


def test_an_unknown_scaling_is_refused() -> None:
    with pytest.raises(UsageError, match="scaling='all'"):
        InputScaler.learn(np.eye(3), None, "all")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_spread_is_judged_by_the_precision_of_the_input(dtype: type) -> None:
    X = (1.0 + 1e-6 * np.array([[0.0], [1.0], [2.0], [1.0]])).astype(dtype)
    Z = InputScaler.learn(X, None).transform(X)
    assert (Z.std() == 0) == (dtype is np.float32)


def test_a_column_of_tiny_values_is_a_column() -> None:
    X = np.array([[1e-30], [2e-30], [3e-30]])
    np.testing.assert_allclose(InputScaler.learn(X, None).transform(X).std(), 1)


@given(y=TARGETS, transform=st.sampled_from([None, "yeo-johnson", "auto"]))
def test_targets_come_back(y: np.ndarray, transform: str | None) -> None:
    scaler = TargetScaler.learn(y, None, transform)
    np.testing.assert_allclose(
        scaler.inverse(scaler.transform(y)), y, rtol=1e-6, atol=1e-6 * (np.ptp(y) + 1e-300)
    )


@given(
    y=TARGETS, transform=st.sampled_from(["yeo-johnson", "auto"]), z=arrays(np.float64, 20, elements=VALUES)
)
def test_the_inverse_is_monotone_and_finite_everywhere(y: np.ndarray, transform: str, z: np.ndarray) -> None:
    scaler = TargetScaler.learn(y, None, transform)
    back = scaler.inverse(np.sort(z))
    assert np.isfinite(back).all()
    assert (np.diff(back) >= -1e-9 * (np.ptp(y) + 1e-300)).all()


@pytest.mark.parametrize(
    "y", [[0.0, 1e-300, 1.0], [1e-150, 2e-150, 5e-150], [0, 0, 0, 0, 0, 1e12], [-1e150, 0, 1]]
)
def test_extreme_targets_come_back(y: list[float]) -> None:
    values = np.array(y)
    scaler = TargetScaler.learn(values, None, "yeo-johnson")
    assert np.isfinite(scaler.inverse(np.array([-1e9, 0.0, 1e9]))).all()
    np.testing.assert_allclose(scaler.inverse(scaler.transform(values)), values, atol=1e-3 * np.ptp(values))


@pytest.mark.parametrize("y", [0.1, 1e60 / 3, -1e140 / 3])
def test_equal_targets_stay_small_where_their_mean_is_rounded(y: float) -> None:
    values = np.full(99, y)
    scaler = TargetScaler.learn(values, np.linspace(0.1, 2.0, 99), None)
    assert np.all(np.abs(scaler.transform(values)) < 1)
    np.testing.assert_allclose(scaler.inverse(scaler.transform(values)), values)


def test_a_spread_without_a_float_is_refused() -> None:
    with pytest.raises(DataError, match="squares"):
        TargetScaler.learn(np.array([-1e300, 1e300]), None, None)


@given(z=arrays(np.float64, 10, elements=st.floats(-50, 50)), exponent=st.floats(-1, 3))
def test_yeo_johnson_as_scipy_has_it(z: np.ndarray, exponent: float) -> None:
    np.testing.assert_allclose(
        yeo_johnson(z, exponent), stats.yeojohnson(z, lmbda=exponent), rtol=1e-6, atol=1e-9
    )


@given(
    z=arrays(np.float64, 10, elements=st.floats(-50, 50)),
    exponent=st.integers(-100, 300).map(lambda i: i / 100),
)
def test_yeo_johnson_can_be_inverted(z: np.ndarray, exponent: float) -> None:
    np.testing.assert_allclose(
        inverse_yeo_johnson(yeo_johnson(z, exponent), exponent), z, rtol=1e-6, atol=1e-9
    )


def test_the_exponent_is_the_likeliest() -> None:
    z = stats.skewnorm.rvs(5, size=300, random_state=0)
    y = (z - np.median(z)) / np.subtract(*np.quantile(z, [0.75, 0.25]))
    assert TargetScaler.learn(z, None, "yeo-johnson").exponent == pytest.approx(
        stats.yeojohnson_normmax(y), abs=1e-3
    )


def test_auto_transforms_skewed_targets_alone() -> None:
    normal = np.random.default_rng(0).normal(size=300)
    assert TargetScaler.learn(normal, None, "auto").exponent is None
    assert TargetScaler.learn(normal, None, "yeo-johnson").exponent is not None
    for skewed in (np.exp(normal), -np.exp(normal)):
        scaler = TargetScaler.learn(skewed, None, "auto")
        assert abs(stats.skew(scaler.transform(skewed))) < abs(stats.skew(skewed)) / 2


@given(scale=st.floats(1e-6, 1e6), shift=st.floats(-1e3, 1e3))
def test_the_transform_does_not_depend_on_the_unit(scale: float, shift: float) -> None:
    y = np.exp(np.random.default_rng(0).normal(size=50))
    plain = TargetScaler.learn(y, None, "yeo-johnson").transform(y)
    moved = scale * (y + shift)
    np.testing.assert_allclose(
        TargetScaler.learn(moved, None, "yeo-johnson").transform(moved), plain, atol=1e-4
    )


def test_without_transform_predictions_may_leave_the_training_range() -> None:
    scaler = TargetScaler.learn(np.array([0.0, 1.0]), None, None)
    assert scaler.inverse(np.array([100.0]))[0] == pytest.approx(50.5)


def test_it_survives_json() -> None:
    scaler = TargetScaler.learn(np.exp(np.random.default_rng(0).normal(size=50)), None, "yeo-johnson")
    assert TargetScaler(**json.loads(json.dumps(scaler.to_json()))) == scaler


def test_an_unknown_transform_is_refused() -> None:
    with pytest.raises(UsageError, match="'auto'"):
        TargetScaler.learn(np.arange(3.0), None, "box-cox")
