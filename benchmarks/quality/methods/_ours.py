"""Ours: the default at each effort, and the same without its embedding members or with those alone.

It is given training and validation rows as one, and chooses on folds of them.
"""

from __future__ import annotations

from benchmarks.quality.methods._base import DTYPE, Fitted, Method, Parts
from embedreg import EmbeddingRegressor
from embedreg.ensemble._ensemble import _FOLDS
from embedreg.ensemble._members import EFFORTS, members_of

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
    members = [member.to_json() for member in members_of(effort, kinds)]
    settings = {"version": VERSION, "folds": _FOLDS[effort], "members": members}
    return Method(f"{REPRESENTATIONS[representation]}-{effort}", fit, settings=settings)


OURS = tuple(_method(effort, representation) for effort in EFFORTS for representation in REPRESENTATIONS)
