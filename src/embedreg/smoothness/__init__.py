"""How rough a target is over a representation, and what that favours."""

from __future__ import annotations

from embedreg.smoothness._distance_profile import DistanceProfile, distance_profile
from embedreg.smoothness._gap_interval import GapInterval, smoothness_gap_interval
from embedreg.smoothness._nlfd import NLFD, SCALINGS, Scaling, lipschitz_factors, nlfd, smoothness_gap
from embedreg.smoothness._representations import RepresentationSmoothness, compare_smoothness
from embedreg.smoothness._rugged_surface import RuggedSurface, rugged_surface
from embedreg.smoothness._sentence import smoothness_prediction, smoothness_sentence

__all__ = [
    "NLFD",
    "SCALINGS",
    "DistanceProfile",
    "GapInterval",
    "RepresentationSmoothness",
    "RuggedSurface",
    "Scaling",
    "compare_smoothness",
    "distance_profile",
    "lipschitz_factors",
    "nlfd",
    "rugged_surface",
    "smoothness_gap",
    "smoothness_gap_interval",
    "smoothness_prediction",
    "smoothness_sentence",
]
