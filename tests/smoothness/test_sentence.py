"""The smoothness gap in words."""

from __future__ import annotations

import math

import pytest

from embedreg.smoothness import smoothness_sentence


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
