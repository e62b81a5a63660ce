from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedreg.ensemble._target import NormalScores

some_targets = st.lists(st.floats(-1e6, 1e6).map(lambda y: round(y, 3)), min_size=2, max_size=60).map(
    np.array
)


@settings(max_examples=60, deadline=None)
@given(some_targets)
def test_larger_targets_have_larger_scores(y):
    scores = NormalScores.learn(y).transform(np.unique(y))
    assert np.all(np.diff(scores) > 0)


@settings(max_examples=60, deadline=None)
@given(some_targets)
def test_scores_lead_back_to_the_targets(y):
    scale = NormalScores.learn(y)
    np.testing.assert_allclose(scale.inverse(scale.transform(y)), y, rtol=1e-9, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(some_targets, st.floats(0.1, 5))
def test_it_goes_on_beyond_the_training_targets_both_ways(y, step):
    scale = NormalScores.learn(y)
    ends = np.array([scale.scores[0] - step, scale.scores[-1] + step])
    low, high = scale.inverse(ends)
    assert low < scale.values[0]
    assert high > scale.values[-1]
    np.testing.assert_allclose(scale.transform(np.array([low, high])), ends, rtol=1e-6, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(some_targets)
def test_json_keeps_every_bit(y):
    scale = NormalScores.learn(y)
    loaded = NormalScores.from_json(json.loads(json.dumps(scale.to_json())))
    np.testing.assert_array_equal(loaded.values, scale.values)
    np.testing.assert_array_equal(loaded.scores, scale.scores)


def test_equal_targets_share_the_score_of_their_mean_rank():
    scale = NormalScores.learn(np.array([1.0, 5.0, 5.0, 9.0]))
    assert scale.values.tolist() == [1.0, 5.0, 9.0]
    assert scale.transform(np.array([5.0])) == pytest.approx(0.0)


def test_scores_look_normal_whatever_the_targets_look_like():
    rng = np.random.default_rng(0)
    for y in (rng.lognormal(sigma=3, size=500), rng.standard_cauchy(500), rng.uniform(size=500)):
        scores = NormalScores.learn(y).transform(y)
        assert scores.mean() == pytest.approx(0, abs=0.01)
        assert scores.std() == pytest.approx(1, abs=0.02)


def test_a_constant_target_is_given_back():
    scale = NormalScores.learn(np.full(7, 3.5))
    assert scale.transform(np.array([3.5])) == 0
    assert scale.inverse(np.array([0.0])) == 3.5


def test_more_targets_than_knots_are_thinned_and_keep_their_ends():
    y = np.random.default_rng(1).normal(size=5000)
    scale = NormalScores.learn(y)
    assert len(scale.values) == 1000
    assert (scale.values[0], scale.values[-1]) == (y.min(), y.max())
    assert np.abs(scale.inverse(scale.transform(y)) - y).max() < 1e-9


@pytest.mark.parametrize("factor", [1e-300, 1e-12, 1e12, 1e150])
def test_tiny_and_huge_units_stay_finite(factor):
    y = factor * np.array([1.0, 2.0, 3.0, 50.0])
    scale = NormalScores.learn(y)
    found = scale.inverse(np.array([-4.0, 0.0, 4.0]))
    assert np.isfinite(found).all()
    assert np.all(np.diff(found) > 0)
    np.testing.assert_allclose(scale.inverse(scale.transform(y)), y)


def test_any_shape_is_mapped():
    scale = NormalScores.learn(np.arange(10.0))
    assert scale.inverse(np.zeros((3, 2, 5))).shape == (3, 2, 5)


@pytest.mark.parametrize("sign", [1, -1])
def test_targets_that_all_but_touch_have_finite_scores(sign):
    y = sign * np.r_[1e-320 * np.arange(20), 1.0 + np.arange(80)]
    scale = NormalScores.learn(y)
    scores = scale.transform(y)
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(scale.inverse(scores), y)
    assert not np.isnan(scale.transform(sign * np.array([-1.0, 200.0]))).any()


@pytest.mark.parametrize("learns", ["scores", "ranks", "plain"])
def test_what_is_learnt_leads_back_to_the_scores(learns):
    y = np.random.default_rng(0).lognormal(sigma=2, size=300)
    scale = NormalScores.learn(y)
    learnt = scale.to_learn(y, learns)
    np.testing.assert_array_equal(np.argsort(learnt), np.argsort(y))
    np.testing.assert_allclose(scale.of_learnt(learnt, learns), scale.transform(y), atol=1e-9)


def test_ranks_are_even_and_end_where_the_training_targets_do():
    y = np.random.default_rng(0).standard_cauchy(400)
    scale = NormalScores.learn(y)
    np.testing.assert_allclose(np.sort(scale.to_learn(y, "ranks")), (np.arange(400) + 0.5) / 400)
    beyond = scale.of_learnt(np.array([-3.0, 0.0, 1.0, 7.0]), "ranks")
    np.testing.assert_allclose(beyond, scale.scores[[0, 0, -1, -1]])


def test_a_constant_target_has_one_rank():
    scale = NormalScores.learn(np.full(5, 3.0))
    np.testing.assert_allclose(scale.to_learn(np.full(5, 3.0), "ranks"), 0.5)
    np.testing.assert_allclose(scale.of_learnt(np.array([0.1, 0.5, 0.9]), "ranks"), 0.0, atol=1e-12)
