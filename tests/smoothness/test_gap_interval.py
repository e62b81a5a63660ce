"""The interval of the smoothness gap: its symmetries, its coverage, and where there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedreg.core.errors import DataError, UsageError
from embedreg.smoothness import GapInterval, nlfd, smoothness_gap, smoothness_gap_interval


def sample(seed, n=60):
    """Two representations of the same records, and a target with a heavy tail."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    mixed = np.sin(x @ np.random.default_rng(9).normal(size=(3, 12)))
    return x, mixed, np.exp(x[:, 0] + rng.normal(size=n))


def ends(found):
    return [found.gap, found.low, found.high]


def test_it_holds_the_gap_in_its_middle():
    trad, llm, y = sample(0)
    found = smoothness_gap_interval(trad, llm, y)
    assert found.gap == smoothness_gap(nlfd(trad, y), nlfd(llm, y))
    assert found.low < found.gap < found.high
    assert found.gap - found.low == pytest.approx(found.high - found.gap)
    assert found.level == 0.95


@given(st.integers(0, 2**32 - 1), st.sampled_from(["invariant", "paper"]))
@settings(max_examples=10, deadline=None)
def test_swapping_the_sides_flips_signs(seed, scaling):
    trad, llm, y = sample(seed % 1000)
    found = smoothness_gap_interval(trad, llm, y, splits=4, seed=seed, scaling=scaling)
    swapped = smoothness_gap_interval(llm, trad, y, splits=4, seed=seed, scaling=scaling)
    assert ends(swapped) == [-found.gap, -found.high, -found.low]


@given(st.integers(0, 1000), st.integers(2, 4), st.integers(2, 4))
@settings(max_examples=10, deadline=None)
def test_repeating_coordinates_changes_nothing(seed, k, m):
    trad, llm, y = sample(seed)
    found = smoothness_gap_interval(trad, llm, y, splits=4)
    repeated = smoothness_gap_interval(np.repeat(trad, k, axis=1), np.tile(llm, (1, m)), y, splits=4)
    assert ends(repeated) == pytest.approx(ends(found), rel=1e-7, abs=1e-9)


@given(st.integers(0, 1000), st.floats(0.01, 100), st.floats(-100, 100))
@settings(max_examples=10, deadline=None)
def test_the_unit_of_y_does_not_matter(seed, times, shift):
    trad, llm, y = sample(seed)
    found = smoothness_gap_interval(trad, llm, y, splits=4)
    moved = smoothness_gap_interval(trad, llm, times * y + shift, splits=4)
    assert ends(moved) == pytest.approx(ends(found), rel=1e-6, abs=1e-7)


def test_the_seed_decides():
    trad, llm, y = sample(0)
    first, again, other = (smoothness_gap_interval(trad, llm, y, splits=3, seed=s) for s in (1, 1, 2))
    assert first == again
    assert first != other


def test_it_covers_where_factors_are_anything_but_independent():
    """A heavy-tailed target, where resampling single factors gives 95% intervals that hold Z far too seldom."""
    truth = np.mean([_gap(*sample(10_000 + i)) for i in range(300)])
    found = [smoothness_gap_interval(*sample(i)) for i in range(60)]
    covered = np.mean([i.low <= truth <= i.high for i in found])
    assert covered >= 0.85  # the nominal 95%, less what 60 cases may miss it by
    deviation = np.std([i.gap for i in found])
    assert (
        np.median([i.high - i.low for i in found]) < 2 * 1.96 * 2 * deviation
    )  # and is no wider than needed


def _gap(trad, llm, y):
    return smoothness_gap(nlfd(trad, y), nlfd(llm, y))


def test_equal_inputs_stay_together():
    """Records given five times know no more than records given once."""
    trad, llm, y = sample(3, n=40)
    five = [np.repeat(a, 5, axis=0) for a in (trad, llm, y)]
    once = smoothness_gap_interval(trad, llm, y)
    together = smoothness_gap_interval(*five, groups=np.repeat(np.arange(40), 5))
    alone = smoothness_gap_interval(*five)
    assert ends(together) == pytest.approx(ends(once))
    assert alone.high - alone.low < 0.75 * (once.high - once.low)


@pytest.mark.parametrize("n", [2, 3])
def test_too_few_records_have_no_interval(n):
    trad, llm, y = sample(0, n=n)
    found = smoothness_gap_interval(trad, llm, y)
    assert math.isfinite(found.gap)
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert not found.decided


def test_an_undefined_gap_has_no_interval():
    found = smoothness_gap_interval(np.ones((9, 2)), np.eye(9), np.arange(9.0))
    assert all(math.isnan(v) for v in ends(found))


@pytest.mark.parametrize(
    ("low", "high", "decided"), [(0.1, 0.2, True), (-0.2, -0.1, True), (-0.1, 0.1, False)]
)
def test_decided(low, high, decided):
    assert GapInterval(0.0, low, high, 0.95).decided is decided


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"splits": 0}, "splits=0"), ({"level": 1.0}, "level=1.0"), ({"groups": [1, 2]}, "2 groups for 60")],
)
def test_wrong_settings_are_refused(changed, message):
    with pytest.raises(UsageError, match=message):
        smoothness_gap_interval(*sample(0), **changed)


def test_sides_of_different_records_are_refused():
    trad, llm, y = sample(0)
    with pytest.raises(DataError, match="shape"):
        smoothness_gap_interval(trad[:-1], llm, y)


@pytest.mark.parametrize("n", [4, 5])
def test_halves_of_two_inputs_tell_nothing(n):
    trad, llm, y = sample(3, n)
    found = smoothness_gap_interval(trad, llm, y)
    assert math.isfinite(found.gap)
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert not math.isnan(smoothness_gap_interval(*sample(3, 6)).low)


def test_halves_that_never_differ_tell_nothing():
    x = np.repeat([0.0, 1.0], 15)[:, None]
    assert math.isnan(smoothness_gap_interval(x, x**2, x[:, 0]).low)
