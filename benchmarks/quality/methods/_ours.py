"""Ours: the default at each effort, and the same without its embedding members or with those alone.

It is given training and validation rows as one, and chooses on folds of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.quality._grid import ROWS
from benchmarks.quality.methods._base import DTYPE, Fitted, Method, Parts
from embedreg import EmbeddingRegressor
from embedreg.ensemble._fitting import FOLDS
from embedreg.ensemble._members import EFFORTS, members_of

if TYPE_CHECKING:
    from embedreg.ensemble._members import Member

VERSION = 2  # to be raised when the ensemble's numbers change with the same members
REPRESENTATIONS = {"auto": "embedreg", "tabular": "embedreg-tabular", "embedding": "embedreg-embedding"}


def _method(effort: str, representation: str) -> Method:
    def fit(parts: Parts, seed: int) -> Fitted:
        known = parts.known
        model = EmbeddingRegressor(
            effort=effort, representation=representation, dtype=DTYPE, random_state=seed
        )
        model.fit(known.records, known.y)
        weights = {
            score.name: round(score.weight, 3) for score in model.explain().members if score.weight > 0
        }
        return Fitted(model.predict, model.predict_interval, {"weights": weights})

    kinds = ("tabular", "embedding") if representation == "auto" else (representation,)
    members = [_deciding(member) for member in members_of(effort, kinds)]
    settings = {"version": VERSION, "folds": FOLDS[effort], "members": members}
    return Method(f"{REPRESENTATIONS[representation]}-{effort}", fit, settings=settings)


def _deciding(member: Member) -> dict[str, Any]:
    """Return a member as JSON values, without a limit of rows that no task here reaches: it decides nothing."""
    saved = member.to_json()
    within = member.most_rows is None or member.most_rows >= ROWS
    return saved | ({"most_rows": None} if within else {})


OURS = tuple(_method(effort, representation) for effort in EFFORTS for representation in REPRESENTATIONS)
