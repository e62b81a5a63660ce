"""The corrected t-test, the bootstrap's p value and Holm's correction."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from embedreg.core.errors import UsageError
from embedreg.study._statistics import bootstrap_p, corrected_resampled_t_test, holm

differences = st.lists(st.floats(-1, 1).map(lambda d: round(d, 3)), min_size=2, max_size=10)


@given(differences.filter(lambda d: np.ptp(d) > 0))
def test_without_overlap_it_is_the_paired_t_test(values):
    assert corrected_resampled_t_test(values, 0.0) == pytest.approx(stats.ttest_1samp(values, 0).pvalue)


@given(differences)
def test_overlap_makes_it_more_careful(values):
    assert corrected_resampled_t_test(values, 1 / 8) >= corrected_resampled_t_test(values, 0.0)


@given(differences, st.floats(0.5, 100))
def test_sign_and_unit_do_not_matter(values, factor):
    p = corrected_resampled_t_test(values, 1 / 8)
    assert 0 <= p <= 1
    assert corrected_resampled_t_test([-factor * v for v in values], 1 / 8) == pytest.approx(p)


def test_by_hand():
    values = [
        0.1,
        0.3,
    ]  # mean 0.2, variance 0.02; t = 0.2 / sqrt((1/2 + 1/2) * 0.02) = sqrt(2), one degree of freedom
    assert corrected_resampled_t_test(values, 1 / 2) == pytest.approx(1 - 2 / np.pi * np.arctan(np.sqrt(2)))


def test_no_difference_at_all():
    assert corrected_resampled_t_test([0.0] * 5, 1 / 8) == 1.0


def test_the_same_difference_every_time():
    assert corrected_resampled_t_test([0.1] * 5, 1 / 8) == 0.0


@pytest.mark.parametrize("values", [[], [0.1], [[0.1, 0.2]]])
def test_one_split_has_no_spread(values):
    with pytest.raises(UsageError, match="two splits at least"):
        corrected_resampled_t_test(values, 1 / 8)


def test_the_bootstrap_p_counts_the_other_side():
    replicates = np.concatenate([np.full(990, 0.1), np.full(9, -0.1)])
    assert bootstrap_p(replicates) == pytest.approx(2 * 10 / 1000)
    assert bootstrap_p(-replicates) == bootstrap_p(replicates)


def test_the_bootstrap_p_of_a_draw_is_one():
    assert bootstrap_p([-0.1, 0.1] * 50) == pytest.approx(1.0, abs=0.02)
    assert bootstrap_p([0.0] * 100) == 1.0


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm(p_values):
    adjusted = holm(p_values)
    assert len(adjusted) == len(p_values)
    assert all(p <= a <= min(1.0, len(p_values) * p) + 1e-12 for p, a in zip(p_values, adjusted, strict=True))
    order = np.argsort(p_values, kind="stable")
    assert np.all(np.diff(np.array(adjusted)[order]) >= 0)


def test_holm_by_hand():
    assert holm([0.04, 0.001, 0.03, 0.02]) == pytest.approx([0.06, 0.004, 0.06, 0.06])
