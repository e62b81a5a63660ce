"""Metrics agree with their definitions, and are defined where those are not."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from embedreg.core.errors import DataError
from embedreg.study._metrics import LOWER_IS_BETTER, METRICS, evaluate

values = st.integers(-5, 5).map(float)  # few, so that ties are common
samples = st.integers(2, 25).flatmap(
    lambda n: st.tuples(arrays(float, n, elements=values), arrays(float, n, elements=values))
)


def tau_by_definition(y, prediction):
    pairs = [
        (np.sign(y[i] - y[j]), np.sign(prediction[i] - prediction[j]))
        for i, j in itertools.combinations(range(len(y)), 2)
    ]
    agreement = sum(a * b for a, b in pairs)
    untied_y, untied_prediction = (sum(abs(side)) for side in np.array(pairs).T)
    scale = math.sqrt(untied_y * untied_prediction)
    return agreement / scale if scale else 0.0


@given(samples)
def test_kendall_tau_is_tau_b(sample):
    assert METRICS["kendall_tau"](*sample) == pytest.approx(tau_by_definition(*sample), abs=1e-12)


@given(samples)
def test_everything_is_finite(sample):
    found = evaluate(*sample)
    assert list(found) == list(METRICS)
    assert all(math.isfinite(v) and type(v) is float for v in found.values())


def test_by_hand():
    found = evaluate([1.0, 2.0, 3.0, 4.0], [1.0, 3.0, 2.0, 8.0])
    assert found["kendall_tau"] == pytest.approx(2 / 3)
    assert found["spearman"] == pytest.approx(0.8)
    assert found["pearson"] == pytest.approx(10 / math.sqrt(5 * 29))
    assert found["r2"] == pytest.approx(1 - 18 / 5)
    assert found["rmse"] == pytest.approx(math.sqrt(18 / 4))
    assert found["mae"] == pytest.approx(6 / 4)


@pytest.mark.parametrize("name", METRICS)
def test_the_exact_prediction_is_the_best(name):
    y = np.array([3.0, 1.0, 2.0])
    exact, worse = METRICS[name](y, y), METRICS[name](y, -y)
    assert exact == pytest.approx(0.0 if name in LOWER_IS_BETTER else 1.0)
    assert (exact < worse) == (name in LOWER_IS_BETTER)


def test_a_constant_prediction_ranks_nothing():
    y = np.array([1.0, 2.0, 6.0])
    found = evaluate(y, np.full(3, 3.0))
    assert (found["kendall_tau"], found["spearman"], found["pearson"]) == (0.0, 0.0, 0.0)
    assert found["r2"] == pytest.approx(0.0)


def test_a_constant_target():
    y = np.full(3, 0.1)
    found = evaluate(y, [1.0, 2.0, 3.0])
    assert [found[name] for name in ("kendall_tau", "spearman", "pearson", "r2")] == [0.0] * 4
    assert evaluate(y, y)["r2"] == 1.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_prediction_that_is_not_finite_is_refused(bad):
    with pytest.raises(DataError, match=r"1 of 3 predictions .* at row 1"):
        evaluate([1.0, 2.0, 3.0], [1.0, bad, 3.0])
    with pytest.raises(DataError, match="1 of 3 targets"):
        evaluate([1.0, bad, 3.0], [1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("y", "prediction"), [([1.0], [1.0]), ([1.0, 2.0], [1.0, 2.0, 3.0]), ([[1.0], [2.0]], [[1.0], [2.0]])]
)
def test_wrong_shapes_are_refused(y, prediction):
    with pytest.raises(DataError, match="one shape"):
        evaluate(y, prediction)
