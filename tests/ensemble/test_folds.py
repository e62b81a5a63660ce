from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedreg.ensemble._folds import grouped_folds, input_groups

some_groups = st.lists(st.integers(0, 30), min_size=2, max_size=120).map(np.array)


@settings(max_examples=60, deadline=None)
@given(some_groups, st.integers(2, 10), st.integers(0, 99))
def test_a_group_is_in_one_fold(groups, count, seed):
    folds = grouped_folds(groups, count, seed)
    for group in np.unique(groups):
        assert len(np.unique(folds[groups == group])) == 1


@settings(max_examples=60, deadline=None)
@given(some_groups, st.integers(2, 10), st.integers(0, 99))
def test_there_are_as_many_folds_as_asked_for_or_as_groups(groups, count, seed):
    expected = min(count, len(np.unique(groups)))
    assert np.unique(grouped_folds(groups, count, seed)).tolist() == list(range(expected))


@settings(max_examples=60, deadline=None)
@given(some_groups, st.integers(2, 10), st.integers(0, 99))
def test_folds_differ_by_no_more_than_the_largest_group(groups, count, seed):
    sizes = np.bincount(grouped_folds(groups, count, seed))
    assert sizes.max() - sizes.min() <= np.unique(groups, return_counts=True)[1].max()


def test_single_rows_are_dealt_evenly_and_by_seed():
    folds = grouped_folds(np.arange(103), 5, seed=0)
    assert sorted(np.bincount(folds).tolist()) == [20, 20, 21, 21, 21]
    np.testing.assert_array_equal(folds, grouped_folds(np.arange(103), 5, seed=0))
    assert not np.array_equal(folds, grouped_folds(np.arange(103), 5, seed=1))


def test_equal_and_nearly_equal_inputs_are_one_group():
    ranks = np.linspace(0, 1, 40)[:, None].repeat(2, axis=1)
    ranks[7] = ranks[3] + 0.004  # near
    ranks[9] = ranks[3] + np.array([0.0, 0.02])  # near in one column alone
    inputs = np.arange(40)
    inputs[20] = inputs[30]  # equal, wherever their ranks are
    groups = input_groups(inputs, ranks, ranks)
    assert groups[7] == groups[3] != groups[9]
    assert groups[20] == groups[30]
    assert len(np.unique(groups)) == 38


def test_where_nearness_chains_rows_together_only_equal_ones_are_grouped():
    ranks = np.linspace(0, 1, 400)[:, None]  # each is near the next
    inputs = np.arange(400)
    np.testing.assert_array_equal(input_groups(inputs, ranks, ranks), inputs)


def test_a_view_that_chains_rows_together_leaves_the_other():
    ranks = np.linspace(0, 1, 400)[:, None]
    values = np.exp(30 * ranks)  # as parts of its range nearly all are zero
    values[:, 0] += np.arange(400)
    inputs = np.arange(400)
    np.testing.assert_array_equal(input_groups(inputs, ranks, values), inputs)
    apart = np.random.default_rng(0).permuted(np.tile(ranks, (1, 3)), axis=0)
    apart[5] = apart[4] + 0.001
    groups = input_groups(inputs, apart, values)
    assert groups[4] == groups[5]
    assert len(np.unique(groups)) == 399


@pytest.mark.parametrize(
    ("n", "copies"), [(8, 2), (100, 2), (100, 4), (400, 4), (400, 40), (3000, 2), (3000, 50)]
)
def test_copies_with_a_little_noise_are_found_whatever_the_number_of_rows(n, copies):
    rng = np.random.default_rng(0)
    values = np.repeat(rng.uniform(size=(n // copies, 5)), copies, axis=0) + rng.normal(
        scale=1e-5, size=(n, 5)
    )
    ranks = values.argsort(axis=0).argsort(axis=0) / (n - 1)
    groups = input_groups(np.arange(n), ranks, values)
    np.testing.assert_array_equal(groups, np.arange(n) // copies)


def test_without_columns_only_equal_ones_are_grouped():
    inputs = np.array([3, 1, 3])
    groups = input_groups(inputs, np.empty((3, 0)), np.empty((3, 0)))
    assert groups[0] == groups[2] != groups[1]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 50)), min_size=2, max_size=60))
def test_equal_inputs_are_always_together(rows):
    inputs = np.array([number for number, _ in rows])
    ranks = np.array([[number / 10, place / 50] for number, place in rows])
    groups = input_groups(inputs, ranks, ranks)
    for number in np.unique(inputs):
        assert len(np.unique(groups[inputs == number])) == 1


@pytest.mark.parametrize("n", [2, 3, 5])
def test_few_rows_are_grouped_without_trouble(n):
    column = np.linspace(0, 1, n)[:, None]
    assert len(input_groups(np.arange(n), column, column)) == n
