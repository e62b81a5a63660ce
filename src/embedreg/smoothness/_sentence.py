"""The smoothness gap in words."""

from __future__ import annotations

import math
from typing import Final

_SMALL: Final = 0.2 / math.sqrt(2)


def smoothness_sentence(gap: float) -> str:
    """Say what a smoothness gap means for the embedding.

    Z is Cohen's d, the difference of means in pooled deviations, divided by the square root of two. By
    Cohen's convention d under 0.2 is less than a small effect; so |Z| < 0.14 is called about equal.

    Parameters
    ----------
    gap
        Z, as `smoothness_gap` returns it.

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
    gap_in_words = f"(Z = {gap:.2f}), which by itself favours {smoother}."
    return f"The target is smoother over {smoother} than over {rougher} {gap_in_words}"
