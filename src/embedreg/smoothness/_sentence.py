"""The smoothness gap in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from embedreg.smoothness._gap_interval import GapInterval

_SMALL: Final = 0.2 / math.sqrt(2)
_TABLE_2: Final = "0.60 to 0.88"
"""Least and largest correlation that the paper printed, over its models and dimensions."""


def smoothness_sentence(gap: float, *, decided: bool | None = True, has_interval: bool = True) -> str:
    """Say what a smoothness gap means for the embedding.

    Z is Cohen's d, the difference of means in pooled deviations, divided by the square root of two. By
    Cohen's convention d under 0.2 is less than a small effect; so |Z| < 0.14 is called about equal.

    Parameters
    ----------
    gap
        Z, as `smoothness_gap` returns it.
    decided
        False if an interval of Z holds zero, or there is none; None if none was taken.
    has_interval
        Whether there is one.

    Examples
    --------
    >>> print(smoothness_sentence(0.31))
    The target is smoother over the embedding than over traditional features (Z = 0.31),
    which by itself favours the embedding.
    >>> print(smoothness_sentence(0.05))
    The target is about equally smooth over the embedding and over traditional features (Z = 0.05),
    which by itself favours neither.
    """
    if math.isnan(gap):
        return (
            "The smoothness gap is undefined, as all records look the same in one representation; "
            "it favours neither."
        )
    if abs(gap) < _SMALL:
        return (
            "The target is about equally smooth over the embedding and over traditional features "
            f"(Z = {gap:.2f}), which by itself favours neither."
        )
    sides = ("the embedding", "traditional features")
    smoother, rougher = sides if gap > 0 else sides[::-1]
    if decided is None:
        return (
            f"The target looks smoother over {smoother} than over {rougher} (Z = {gap:.2f}); `embedreg smoothness` tells "
            "whether by more than chance."
        )
    if not decided:
        return (
            f"The target looks smoother over {smoother} than over {rougher} (Z = {gap:.2f}), but "
            f"{'the interval of Z holds zero' if has_interval else 'Z has no interval'}; it favours neither."
        )
    gap_in_words = f"(Z = {gap:.2f}), which by itself favours {smoother}."
    return f"The target is smoother over {smoother} than over {rougher} {gap_in_words}"


def smoothness_prediction(interval: GapInterval) -> str:
    """Say what a smoothness gap predicts, by the paper's finding and no further than that reaches.

    The paper's Table 2 correlates Z with the gap in Kendall tau (embedding less traditional features, same
    head) over BBOB functions. It has no real tasks; over those of docs/results.md (11) no correlation was seen, and
    choosing by Z (12) lost to always taking traditional features. An interval that holds zero, or a gap that
    `smoothness_sentence` calls about equal, predicts nothing.

    Parameters
    ----------
    interval
        From `smoothness_gap_interval`.

    Examples
    --------
    >>> from embedreg.smoothness import GapInterval
    >>> print(smoothness_prediction(GapInterval(0.05, -0.02, 0.12, 0.95)))
    Z predicts no winner here, as it is close to zero; `embedreg compare` measures which representation does better.
    """
    measure = "`embedreg compare` measures which representation does better"
    if math.isnan(interval.gap):
        return f"An undefined Z predicts nothing; {measure}."
    if abs(interval.gap) < _SMALL:
        return f"Z predicts no winner here, as it is close to zero; {measure}."
    if not interval.decided:
        reason = "has no interval" if math.isnan(interval.low) else "may well be zero, by its interval"
        return f"Z predicts no winner here, as it {reason}; {measure}."
    favoured = "the embedding" if interval.gap > 0 else "traditional features"
    return (
        "Over the paper's synthetic functions (BBOB), a larger Z went with a larger lead of the embedding in Kendall tau "
        f"under the same head (correlations of {_TABLE_2}), which speaks for {favoured} here. On real tasks embedreg's own study "
        f"saw no such link: {measure}."
    )
