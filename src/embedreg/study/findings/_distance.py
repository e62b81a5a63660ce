"""The result on distances: embeddings move as inputs do."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from embedreg.study._metrics import RANGES
from embedreg.study.findings._finding import Chart, Finding, StudyData, overall, shown, verdict_on
from embedreg.study.grid import Estimate, estimate

if TYPE_CHECKING:
    from embedreg.study.grid._rows import Row

_FOLLOWS: Final = 0.5


def distance(data: StudyData) -> Finding:
    """Return result 4: distances of embeddings against distances of inputs."""
    profiles = _by_name(data.profiles)
    correlations = {name: _correlation(rows) for name, rows in profiles.items()}
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
            {name: _line(rows) for name, rows in profiles.items()},
        )
        if profiles
        else None,
    )


def _by_name(profiles: list[Row]) -> dict[str, list[Row]]:
    """Return the profiles of each representation, each number of fields apart and said where there are several."""
    found: defaultdict[str, list[Row]] = defaultdict(list)
    several = len({row["dof"] for row in profiles}) > 1
    for row in profiles:
        name = row["representation"]
        found[f"{name} ({row['dof']} fields)" if several else name].append(row)
    return found


def _correlation(rows: list[Row]) -> Estimate:
    return estimate([(row["seed"], row["spearman"]) for row in rows], RANGES["spearman"])


def _line(rows: list[Row]) -> list[tuple[float | str, Estimate]]:
    """Return the median distance by radius as a share of that at the largest, over reference points."""
    shares: defaultdict[float, list[tuple[int, float]]] = defaultdict(list)
    for row in rows:
        for radius, distance in zip(row["radii"], row["embedding_distance"], strict=True):
            shares[radius].append((row["seed"], float(distance / row["embedding_distance"][-1])))
    return [(radius, estimate(shares[radius])) for radius in sorted(shares)]
