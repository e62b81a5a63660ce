"""Several representations and heads as one predictor: chosen, weighted and calibrated on training rows alone.

It is loaded when it is first used: a model with a head that was named needs none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from embedreg.core.lazy import lazy_names

if TYPE_CHECKING:
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

__getattr__, __dir__ = lazy_names(
    __name__,
    __all__,
    {
        "_ensemble": ["Ensemble"],
        "_explanation": ["Explanation", "MemberScore"],
        "_members": ["EFFORTS", "KINDS", "MEMBERS", "Member", "members_of"],
    },
)
