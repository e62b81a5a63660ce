from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from embedreg.ensemble._selection import greedy_weights

numbers = st.floats(-100, 100, width=32)
problems = st.tuples(st.integers(2, 30), st.integers(1, 6)).flatmap(
    lambda shape: st.tuples(
        arrays(np.float64, shape, elements=numbers), arrays(np.float64, shape[0], elements=numbers)
    )
)


@settings(max_examples=60, deadline=None)
@given(problems)
def test_weights_are_shares(problem):
    weights = greedy_weights(*problem)
    assert weights.shape == (problem[0].shape[1],)
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1)


@settings(max_examples=60, deadline=None)
@given(problems)
def test_no_single_member_is_better_on_the_same_rows(problem):
    predictions, target = problem
    mixed = np.mean((predictions @ greedy_weights(predictions, target) - target) ** 2)
    alone = np.mean((predictions - target[:, None]) ** 2, axis=0).min()
    assert mixed <= alone * (1 + 1e-9) + 1e-9


def test_of_equal_members_some_share_all_the_weight():
    target = np.arange(5.0)
    weights = greedy_weights(np.column_stack([target, target, target]), target)
    assert weights.sum() == pytest.approx(1)


def test_rows_of_no_weight_do_not_count():
    target = np.array([0.0, 1.0, 2.0, 100.0])
    right_but_last, wrong = np.array([0.0, 1.0, 2.0, -50.0]), np.array([5.0, 5.0, 5.0, 100.0])
    weights = greedy_weights(np.column_stack([right_but_last, wrong]), target, np.array([1.0, 1, 1, 0]))
    assert weights[0] == pytest.approx(1)


def test_a_perfect_member_is_chosen_alone():
    rng = np.random.default_rng(0)
    target = rng.normal(size=50)
    predictions = np.column_stack([rng.normal(size=50), target, rng.normal(size=50)])
    np.testing.assert_allclose(greedy_weights(predictions, target), [0, 1, 0], atol=1e-12)
