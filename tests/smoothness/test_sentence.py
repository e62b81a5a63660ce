"""The smoothness gap in words."""

from __future__ import annotations

import math

import pytest

from embedreg.smoothness import GapInterval, smoothness_prediction, smoothness_sentence


@pytest.mark.parametrize(
    ("gap", "expected"),
    [
        (
            0.31,
            "smoother over the embedding than over traditional features (Z = 0.31), which by itself favours the embedding",
        ),
        (
            -0.31,
            "smoother over traditional features than over the embedding (Z = -0.31), which by itself favours traditional",
        ),
        (0.15, "which by itself favours the embedding"),
        (
            0.13,
            "about equally smooth over the embedding and over traditional features (Z = 0.13), which by itself favours neither",
        ),
        (-0.13, "favours neither"),
        (0.0, "favours neither"),
        (math.inf, "favours the embedding"),
        (math.nan, "undefined"),
    ],
)
def test_sentence(gap, expected):
    assert expected in smoothness_sentence(gap)


def test_a_gap_without_an_interval_favours_nobody_yet():
    found = smoothness_sentence(0.31, decided=None)
    assert "looks smoother over the embedding" in found
    assert "`embedreg smoothness` tells whether by more than chance" in found
    assert "favours" not in found


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        ((0.31, 0.2, 0.4), "speaks for the embedding here"),
        ((-0.31, -0.4, -0.2), "speaks for traditional features here"),
        ((0.31, -0.1, 0.7), "may well be zero"),
        ((0.1, 0.05, 0.15), "close to zero"),
        ((math.inf, math.nan, math.nan), "has no interval"),
        ((math.nan, math.nan, math.nan), "undefined Z predicts nothing"),
    ],
)
def test_prediction(interval, expected):
    said = smoothness_prediction(GapInterval(*interval, 0.95))
    assert expected in said
    assert "embedreg compare" in said
    assert said.count(". ") == ("speaks for" in said)  # one sentence, and one more of what real tasks said
    assert ("saw no such link" in said) == ("speaks for" in said)


@pytest.mark.parametrize("gap", [0.31, -0.31])
def test_an_interval_that_holds_zero_favours_neither(gap):
    said = smoothness_sentence(gap, decided=False)
    assert "looks smoother" in said
    assert said.endswith("the interval of Z holds zero; it favours neither.")
    assert "about equally" in smoothness_sentence(0.1, decided=False)
    assert smoothness_sentence(gap, decided=False, has_interval=False).endswith(
        "but Z has no interval; it favours neither."
    )
