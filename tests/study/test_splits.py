"""Splits keep equal inputs together, have the sizes asked for, and repeat."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from embedreg.core.errors import DataError, UsageError
from embedreg.study._splits import MIN_INPUTS, MIN_ROWS, group_split

seeds = st.integers(0, 2**32 - 1)


@st.composite
def repeated_inputs(draw):
    """Row-wise input numbers, anything from all distinct to one input with nearly all rows."""
    sizes = draw(st.lists(st.integers(1, 30), min_size=MIN_INPUTS, max_size=60))
    assume(sum(sizes) >= MIN_ROWS)
    rows = np.repeat(np.arange(len(sizes)), sizes)
    return np.random.default_rng(draw(seeds)).permutation(rows)


def parts(split):
    return split.train, split.validation, split.test


@given(repeated_inputs(), seeds)
def test_every_row_is_in_one_part(groups, seed):
    joined = np.concatenate(parts(group_split(groups, seed=seed)))
    assert sorted(joined) == list(range(len(groups)))


@given(repeated_inputs(), seeds)
def test_no_input_is_on_two_sides(groups, seed):
    seen = [set(groups[part]) for part in parts(group_split(groups, seed=seed))]
    assert sum(map(len, seen)) == len(set(groups))


@given(repeated_inputs(), seeds)
def test_every_part_can_be_ranked_and_half_the_inputs_are_learnt_from(groups, seed):
    train, validation, test = (len(set(groups[part])) for part in parts(group_split(groups, seed=seed)))
    assert validation >= 2
    assert test >= 2
    assert train >= (validation + test + train) / 2


@given(repeated_inputs(), seeds)
def test_sizes_are_as_near_as_whole_inputs_allow(groups, seed):
    split = group_split(groups, seed=seed)
    n, n_inputs = len(groups), len(set(groups))
    smallest_left = min(Counter(groups[split.train]).values())
    for part in (split.validation, split.test):
        n_part_inputs = len(set(groups[part]))
        at_a_limit = n_part_inputs == 2 or n_part_inputs == n_inputs // 4
        off = abs(len(part) - max(2, round(0.1 * n)))
        assert off <= smallest_left / 2 or at_a_limit


@given(repeated_inputs(), seeds)
def test_a_split_repeats(groups, seed):
    first, second = group_split(groups, seed=seed), group_split(groups, seed=seed)
    assert all(np.array_equal(a, b) for a, b in zip(parts(first), parts(second), strict=True))


@given(repeated_inputs(), seeds)
def test_names_of_inputs_do_not_matter(groups, seed):
    named = [f"input {g}" for g in groups]
    for a, b in zip(parts(group_split(groups, seed=seed)), parts(group_split(named, seed=seed)), strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("n", [20, 23, 100, 500, 1003])
def test_distinct_inputs_are_split_8_1_1(n):
    split = group_split(range(n), seed=0)
    assert (len(split.validation), len(split.test)) == (round(n / 10), round(n / 10))


def test_seeds_give_different_splits():
    tests = {tuple(group_split(range(100), seed=seed).test) for seed in range(10)}
    assert len(tests) == 10


def test_every_row_gets_tested_about_equally_often():
    counts = np.zeros(40)
    for seed in range(500):
        counts[group_split(range(40), seed=seed).test] += 1
    assert counts.sum() == 500 * 4
    assert counts.min() > 25
    assert counts.max() < 80  # 50 expected, standard deviation 6.7


def test_other_fractions():
    split = group_split(range(100), fractions=(0.5, 0.2, 0.3), seed=0)
    assert [len(part) for part in parts(split)] == [50, 20, 30]


def test_mostly_held_out_is_possible_when_asked_for():
    split = group_split(range(100), fractions=(0.1, 0.45, 0.45), seed=0)
    assert [len(part) for part in parts(split)] == [10, 45, 45]


def test_one_input_with_most_rows_goes_to_train():
    groups = np.array([0] * 60 + list(range(1, 41)))
    for seed in range(20):
        split = group_split(groups, seed=seed)
        assert [len(part) for part in parts(split)] == [80, 10, 10]
        assert set(range(60)) <= set(split.train)


def test_one_input_with_nearly_all_rows_leaves_inputs_to_learn_from():
    groups = [0] * 91 + list(range(1, 10))
    split = group_split(groups, seed=0)
    assert [len(part) for part in parts(split)] == [96, 2, 2]


def test_pairs_of_equal_rows_stay_together():
    groups = np.repeat(np.arange(50), 2)
    split = group_split(groups, seed=3)
    assert [len(part) for part in parts(split)] == [80, 10, 10]


def test_max_rows_takes_a_sample_first():
    split = group_split(range(10_000), seed=1, max_rows=500)
    assert [len(part) for part in parts(split)] == [400, 50, 50]
    chosen = np.concatenate(parts(split))
    assert len(set(chosen)) == 500
    assert chosen.max() > 9_000  # from all over the file
    assert set(chosen) != set(np.concatenate(parts(group_split(range(10_000), seed=2, max_rows=500))))


def test_max_rows_above_the_rows_there_are_uses_all():
    whole, capped = group_split(range(50), seed=0), group_split(range(50), seed=0, max_rows=50)
    assert all(np.array_equal(a, b) for a, b in zip(parts(whole), parts(capped), strict=True))


@pytest.mark.parametrize(
    "groups", [range(MIN_ROWS - 1), [0, 1, 2] * 20, [], list(range(MIN_INPUTS - 1)) + [0] * 50]
)
def test_too_little_data_is_refused(groups):
    with pytest.raises(DataError, match=f"at least {MIN_ROWS} rows and {MIN_INPUTS} distinct inputs"):
        group_split(groups, seed=0)


def test_the_least_that_can_be_split():
    groups = [*range(MIN_INPUTS), *range(MIN_ROWS - MIN_INPUTS)]
    assert [len(part) for part in parts(group_split(groups, seed=0))] == [12, 4, 4]


@pytest.mark.parametrize("fractions", [(0.8, 0.2, 0.0), (0.8, 0.2, 0.2), (1.2, -0.1, -0.1)])
def test_impossible_fractions_are_refused(fractions):
    with pytest.raises(UsageError, match="sum to one"):
        group_split(range(100), fractions=fractions, seed=0)


def test_too_small_a_sample_is_refused():
    with pytest.raises(UsageError, match="max_rows 19"):
        group_split(range(100), seed=0, max_rows=19)
