"""How rough a target is over a representation, and what that favours."""

from __future__ import annotations

from embedreg.smoothness._nlfd import NLFD, SCALINGS, Scaling, lipschitz_factors, nlfd, smoothness_gap
from embedreg.smoothness._sentence import smoothness_sentence

__all__ = [
    "NLFD",
    "SCALINGS",
    "Scaling",
    "lipschitz_factors",
    "nlfd",
    "smoothness_gap",
    "smoothness_sentence",
]
