from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm

from embedreg.ensemble._acquisition import ACQUISITIONS, expected_improvement, ranking, thompson_ranking

some_values = arrays(np.float64, st.tuples(st.integers(1, 8), st.integers(1, 12)), elements=st.floats(-9, 9))


@settings(max_examples=60, deadline=None)
@given(some_values, st.floats(-10, 10))
def test_expected_improvement_is_never_negative_and_grows_with_the_best(samples, best):
    found = expected_improvement(samples, best)
    assert (found >= 0).all()
    assert (expected_improvement(samples, best + 1) >= found).all()


def test_expected_improvement_of_a_normal_distribution_is_the_known_formula():
    samples = norm.ppf((np.arange(20_000) + 0.5) / 20_000, loc=1.0, scale=2.0)[None]
    z = (0.5 - 1.0) / 2.0
    expected = (0.5 - 1.0) * norm.cdf(z) + 2.0 * norm.pdf(z)
    assert expected_improvement(samples, 0.5)[0] == pytest.approx(expected, rel=1e-3)


def test_of_equal_means_the_uncertain_one_may_improve_more():
    samples = np.array([[1.0, 1.0], [0.0, 2.0]])
    sure, unsure = expected_improvement(samples, 1.0)
    assert unsure > sure == 0


@settings(max_examples=60, deadline=None)
@given(some_values, st.integers(1, 8))
def test_thompson_names_different_candidates(values, k):
    k = min(k, len(values))
    found = thompson_ranking([values], k).tolist()
    assert len(found) == len(set(found)) == k
    assert found[0] == int(np.argmin(values[:, 0]))


@pytest.mark.parametrize("acquisition", ACQUISITIONS)
@settings(max_examples=40, deadline=None)
@given(some_values, st.integers(1, 8), st.integers(1, 8))
def test_the_ranking_does_not_depend_on_how_candidates_are_split(acquisition, values, k, rows):
    k = min(k, len(values))
    blocks = [values[start : start + rows] for start in range(0, len(values), rows)]
    whole = ranking([values], k, acquisition, 0.5)
    assert ranking(blocks, k, acquisition, 0.5).tolist() == whole.tolist()
    assert len(set(whole.tolist())) == k
