"""Several representations and heads as one predictor: chosen, weighted and calibrated on training rows alone."""

from __future__ import annotations

from embedreg.ensemble._ensemble import Ensemble
from embedreg.ensemble._explanation import Explanation, MemberScore
from embedreg.ensemble._members import EFFORTS, KINDS, MEMBERS, Member, members_of

__all__ = [
    "EFFORTS",
    "KINDS",
    "MEMBERS",
    "Ensemble",
    "Explanation",
    "Member",
    "MemberScore",
    "members_of",
]
