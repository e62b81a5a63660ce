"""The result on distances: embeddings move as inputs do."""

from __future__ import annotations

from typing import Final

import numpy as np

from embedreg.study.findings._finding import Chart, Finding, StudyData, overall, shown, verdict_on
from embedreg.study.grid import Estimate, estimate
from embedreg.study.grid._rows import Row, select

_FOLLOWS: Final = 0.5


def distance(data: StudyData) -> Finding:
    """Return result 4: distances of embeddings against distances of inputs."""
    names = list(dict.fromkeys(row["representation"] for row in data.profiles))
    correlations = {name: _correlation(select(data.profiles, representation=name)) for name in names}
    beyond = [
        Estimate(c.mean - _FOLLOWS, c.low - _FOLLOWS, c.high - _FOLLOWS, c.tasks)
        for c in correlations.values()
    ]
    return Finding(
        4,
        "Distance",
        "Around a reference point in 100 dimensions, the embedding's distance follows the input's, warped.",
        "For every model, the interval of Spearman's correlation of both distances (reference points resampled) is above 0.5.",
        overall([verdict_on(value) for value in beyond]),
        ", ".join(f"{name}: Spearman correlation {shown(c)}" for name, c in correlations.items())
        or "no distances were measured",
        ["model", "Spearman correlation", "reference points"],
        [[name, shown(c), c.tasks] for name, c in correlations.items()],
        Chart(
            "radius of the ball of inputs",
            "embedding distance / largest",
            {name: _line(select(data.profiles, representation=name)) for name in names},
        )
        if names
        else None,
    )


def _correlation(rows: list[Row]) -> Estimate:
    return estimate([(row["seed"], row["spearman"]) for row in rows])


def _line(rows: list[Row]) -> list[tuple[float | str, Estimate]]:
    """Return the median distance by radius as a share of that at the largest, over reference points."""
    shares = [np.array(row["embedding_distance"]) / row["embedding_distance"][-1] for row in rows]
    return [
        (radius, estimate([(row["seed"], float(share[i])) for row, share in zip(rows, shares, strict=True)]))
        for i, radius in enumerate(rows[0]["radii"])
    ]
