from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from embedreg.ensemble._smearing import MIDDLE, learn_offsets, smeared
from embedreg.ensemble._target import NormalScores

finite = st.floats(-1e6, 1e6)


@pytest.fixture
def skewed():
    """Scores that are known, and targets whose noise is normal on the logarithm's scale."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=2000)
    y = np.exp(x + rng.normal(size=2000))
    scale = NormalScores.learn(y)
    return scale.transform(np.exp(x)), y, scale


def test_the_sum_of_skewed_targets_is_met(skewed):
    scores, y, scale = skewed
    smooth = smeared(scores, learn_offsets(scores, y, scale, None), scale)
    assert smooth.sum() == pytest.approx(y.sum(), rel=0.1)
    assert scale.inverse(scores).sum() < 0.7 * y.sum()


def test_offsets_are_learnt_only_where_they_lower_the_error(skewed):
    scores, y, scale = skewed
    rng = np.random.default_rng(1)
    two = np.where(scores + rng.normal(size=len(y)) > 0, 1.0, 0.0)
    middle = NormalScores.learn(y + 1e9 * (rng.random(len(y)) < 0.5))
    for targets, between in ((two, NormalScores.learn(two)), (y, scale), (y, middle)):
        offsets = learn_offsets(scores, targets, between, None)

        def error(tried, targets=targets, between=between):
            return np.mean((smeared(scores, tried, between) - targets) ** 2)

        assert error(offsets) <= error(MIDDLE)


@pytest.mark.parametrize("code", [1e9, -1e9])
def test_a_code_for_failures_is_not_averaged_over(skewed, code):
    scores, y, _ = skewed
    y = np.where(np.arange(len(y)) % 10 == 0, code, y)
    assert learn_offsets(scores, y, NormalScores.learn(y), None) is MIDDLE


@settings(max_examples=60, deadline=None)
@given(
    arrays(float, st.integers(3, 40), elements=finite),
    arrays(float, st.integers(1, 9), elements=st.floats(-3, 3)),
    arrays(float, st.integers(0, 20), elements=st.floats(-4, 4)),
)
def test_smearing_keeps_the_order(y, offsets, scores):
    scale = NormalScores.learn(y)
    ordered = smeared(np.sort(scores), offsets, scale)
    assert ordered.shape == scores.shape
    assert (np.diff(ordered) >= -1e-9 * np.abs(y).max()).all()


def test_without_offsets_it_is_the_way_back(skewed):
    scores, _, scale = skewed
    np.testing.assert_array_equal(smeared(scores, MIDDLE, scale), scale.inverse(scores))
