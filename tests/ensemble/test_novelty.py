from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedreg.ensemble import _novelty
from embedreg.ensemble._novelty import Novelty


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 99), st.integers(2, 5), st.integers(1, 4))
def test_it_grows_on_the_way_out(seed, folds, columns):
    rng = np.random.default_rng(seed)
    novelty = Novelty.learn(rng.normal(size=(40, columns)), np.arange(40) % folds)
    way_out = rng.normal(size=columns) * np.array([10.0, 100.0, 1000.0, 1e6])[:, None]
    found = novelty.measure(way_out)
    assert found.shape == (folds, 4)
    assert (found >= 0).all()
    assert (found[:, -1] > found[:, 0]).all()


def test_most_training_rows_are_not_novel():
    X, folds = np.random.default_rng(0).normal(size=(200, 3)), np.arange(200) % 5
    found = Novelty.learn(X, folds).of_training(X, folds)
    assert np.mean(found == 0) == pytest.approx(0.9, abs=0.01)


def test_a_row_is_measured_from_the_rows_that_the_models_have_seen():
    novelty = Novelty.learn(np.array([[0.0], [1.0], [50.0], [51.0]]), np.array([0, 0, 1, 1]))
    near_the_first_fold = novelty.measure(np.array([[0.5]]))
    assert near_the_first_fold[1] < near_the_first_fold[0] + 1e-9


@pytest.mark.parametrize("X", [np.zeros((10, 2)), np.zeros((10, 0)), np.repeat(np.eye(2), 5, axis=0)])
def test_equal_rows_and_no_columns_are_no_trouble(X):
    novelty = Novelty.learn(X, np.arange(10) % 5)
    assert (novelty.of_training(X, np.arange(10) % 5) == 0).all()


def test_many_rows_are_measured_from_a_sample_with_every_fold(monkeypatch):
    monkeypatch.setattr(_novelty, "_MOST", 20)
    X, folds = np.random.default_rng(0).normal(size=(500, 2)), np.r_[np.zeros(499, dtype=int), 1]
    novelty = Novelty.learn(X, folds)
    assert 20 <= len(novelty.rows) <= 22
    assert set(novelty.folds) == {0, 1}
    assert np.isfinite(novelty.of_training(X, folds)).all()
