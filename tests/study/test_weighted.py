"""Metrics of resamples as counts agree with the metrics of the rows drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedreg.study import _weighted
from embedreg.study._metrics import METRICS, evaluate
from embedreg.study._weighted import Resamples


def draw(rng, n, b):
    return np.stack([np.bincount(rng.integers(n, size=n), minlength=n) for _ in range(b)], axis=1).astype(
        np.float32
    )


def assert_agrees_with_the_rows_drawn(y, prediction, counts):
    found = Resamples(y, counts).metrics(prediction)
    assert list(found) == list(METRICS)
    for b in range(counts.shape[1]):
        rows = np.repeat(np.arange(len(y)), counts[:, b].astype(int))
        expected = evaluate(y[rows], prediction[rows])
        assert {name: values[b] for name, values in found.items()} == pytest.approx(expected, abs=1e-9)


@given(st.integers(2, 40), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_with_ties(n, levels, seed):
    rng = np.random.default_rng(seed)
    y, prediction = rng.integers(levels, size=(2, n)).astype(float)
    assert_agrees_with_the_rows_drawn(y, prediction, draw(rng, n, 4))


@pytest.mark.parametrize("n", [2, 127, 128, 256, 257, 600, 1025])
def test_at_the_sizes_where_blocks_begin(n):
    rng = np.random.default_rng(n)
    y = rng.normal(size=n)
    for prediction in (y + rng.normal(size=n), np.round(y + rng.normal(size=n)), -y):
        assert_agrees_with_the_rows_drawn(y, prediction, draw(rng, n, 3))
    assert_agrees_with_the_rows_drawn(np.round(y), prediction, draw(rng, n, 3))


def test_many_merges(monkeypatch):
    monkeypatch.setattr(_weighted, "_LEAF", 4)
    rng = np.random.default_rng(0)
    for n in (3, 4, 5, 31, 100):
        y, prediction = rng.integers(10, size=(2, n)).astype(float)
        assert_agrees_with_the_rows_drawn(y, prediction, draw(rng, n, 5))


def test_far_from_zero():
    rng = np.random.default_rng(0)
    y = 1e6 + rng.normal(size=50)
    assert_agrees_with_the_rows_drawn(y, y + rng.normal(size=50), draw(rng, 50, 5))


def test_a_resample_of_one_row_is_defined():
    y, prediction = np.array([0.1, 0.2, 0.7]), np.array([0.3, 0.2, 0.7])
    counts = np.array([[3, 0], [0, 0], [0, 3]], dtype=np.float32)
    found = Resamples(y, counts).metrics(prediction)
    assert found["kendall_tau"].tolist() == [0.0, 0.0]
    assert found["r2"].tolist() == [0.0, 1.0]
