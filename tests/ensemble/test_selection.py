from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from embedreg.ensemble._combination import FittedMember, Rows, choose_weights, held_out_means
from embedreg.ensemble._members import MEMBERS
from embedreg.ensemble._selection import greedy_weights
from embedreg.ensemble._target import NormalScores

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


def test_held_out_means_do_not_profit_from_the_choice():
    rng = np.random.default_rng(0)
    chosen, honest, expected = [], [], []
    for _ in range(20):
        y = rng.normal(size=40)
        rows = Rows(y, np.arange(40) % 5, None, 0)
        scale = NormalScores.learn(y)
        fitted = [
            FittedMember(member, [], rng.normal(scale=0.5, size=40), 0.0) for member in MEMBERS
        ]  # of no use
        target = scale.transform(y)
        predictions = np.column_stack([member.out_of_fold for member in fitted])
        weights = choose_weights(fitted, rows, scale)
        chosen.append(np.mean((predictions @ weights - target) ** 2))
        honest.append(np.mean((held_out_means(fitted, rows, scale) - target) ** 2))
        expected.append(
            np.mean(target**2) + 0.25 * np.sum(weights**2)
        )  # of the same weights on rows they have not seen
    assert np.mean(chosen) < 0.9 * np.mean(expected)
    assert np.mean(honest) == pytest.approx(np.mean(expected), rel=0.05)


def test_one_member_is_its_own_mean():
    y = np.arange(10.0)
    rows = Rows(y, np.arange(10) % 5, np.linspace(1, 2, 10), 0)
    only = FittedMember(MEMBERS[0], [], -y, 0.0)
    np.testing.assert_array_equal(held_out_means([only], rows, NormalScores.learn(y)), -y)
