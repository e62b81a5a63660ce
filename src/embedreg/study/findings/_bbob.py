"""Results on the synthetic functions: robustness to dimension, and smoothness against performance."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Final

import numpy as np

from embedreg.study.findings._finding import (
    Chart,
    Finding,
    StudyData,
    overall,
    shown,
    verdict_on,
)
from embedreg.study.grid import Estimate, estimate
from embedreg.study.grid._rows import paired, select

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from embedreg.study.grid._rows import Row

SUITE: Final = "bbob"
_MINILM: Final = "minilm"
_METHODS: Final = (("minilm", "mlp"), ("traditional", "mlp"), ("traditional", "xgboost"))
# Table 2 of the paper: least and greatest correlation over its six models, by degrees of freedom
_PAPER_CORRELATIONS: Final = {
    5: (0.72, 0.82),
    10: (0.60, 0.81),
    25: (0.70, 0.82),
    50: (0.75, 0.86),
    100: (0.76, 0.88),
}
_RESAMPLES: Final = 2000
_FEWEST_POINTS: Final = 4


def dimension(data: StudyData) -> Finding:
    """Return result 1: Kendall tau against degrees of freedom."""
    dofs = data.values("dof", suite=SUITE)
    lines = {
        f"{representation} + {head}": [
            (dof, score)
            for dof in dofs
            if (score := data.score(suite=SUITE, dof=dof, representation=representation, head=head))
            is not None
        ]
        for representation, head in _METHODS
    }
    falls = {method: _fall(data, *method) for method in _METHODS}
    ours = falls[_METHODS[0]]
    steeper = {method: _steeper(fall, ours) for method, fall in falls.items() if method != _METHODS[0]}
    verdicts = [verdict_on(difference) for difference in steeper.values()]
    sentence = "; ".join(
        f"from {dofs[0]} to {dofs[-1]} fields, {' + '.join(method)} loses {shown(difference)} more Kendall tau than "
        "the embedding with the MLP"
        for method, difference in steeper.items()
        if difference is not None
    )
    return Finding(
        1,
        "Robustness to dimension",
        "Kendall tau stays flat as the number of fields grows for embeddings, and falls for XGBoost and the MLP on features.",
        "Over functions, the loss of tau from the fewest to the most fields on traditional features is greater than on "
        "embeddings: the interval of the difference is above 0, for both heads.",
        overall(verdicts),
        sentence or "no functions were run at two dimensions",
        ["method", *(f"{dof} fields" for dof in dofs)],
        [[name, *(shown(dict(line).get(dof)) for dof in dofs)] for name, line in lines.items()],
        Chart("number of fields", "Kendall tau", lines) if dofs else None,
    )


def _fall(data: StudyData, representation: str, head: str) -> dict[tuple[str, int], float]:
    """Return the loss of tau from the fewest to the most fields, by function and seed."""
    rows = select(data.rows, suite=SUITE, representation=representation, head=head)
    dofs = sorted({row["dof"] for row in rows})
    if len(dofs) < 2:
        return {}
    by_place = {(row["task"].split("@")[0], row["seed"], row["dof"]): row["kendall_tau"] for row in rows}
    return {
        (function, seed): tau - by_place[function, seed, dofs[-1]]
        for (function, seed, dof), tau in by_place.items()
        if dof == dofs[0] and (function, seed, dofs[-1]) in by_place
    }


def _steeper(fall: dict[tuple[str, int], float], ours: dict[tuple[str, int], float]) -> Estimate | None:
    both = fall.keys() & ours.keys()
    values = [(function, fall[function, seed] - ours[function, seed]) for function, seed in sorted(both)]
    return estimate(values) if values else None


def smoothness(data: StudyData) -> Finding:
    """Return result 3: the smoothness gap against the performance gap, over functions."""
    dofs = data.values("dof", suite=SUITE)
    correlations = {dof: _correlation(_gaps(data, dof)) for dof in dofs}
    found = {dof: c for dof, c in correlations.items() if c is not None}
    verdicts = [verdict_on(correlation) for correlation in found.values()]
    sentence = (
        "Pearson correlation of the smoothness gap Z and the gap in Kendall tau (MLP on both): "
        + ", ".join(f"{shown(c)} at {dof} fields" for dof, c in found.items())
    )
    return Finding(
        3,
        "Smoothness explains performance",
        "Over functions, the smoothness gap Z and the performance gap are correlated, by .60 to .88.",
        "At every number of fields, the interval of the correlation (functions resampled) is above 0.",
        overall(verdicts),
        sentence if found else "no functions were run with both representations",
        ["number of fields", "here", "in the paper (least and greatest of its models)", "functions"],
        [[dof, shown(c), _paper_range(dof), c.tasks] for dof, c in found.items()],
        Chart("number of fields", "Pearson correlation", {"minilm": list(found.items())}) if found else None,
    )


def _paper_range(dof: int) -> str:
    if dof not in _PAPER_CORRELATIONS:
        return "-"
    low, high = _PAPER_CORRELATIONS[dof]
    return f"{low:.2f} to {high:.2f}"


def _gaps(data: StudyData, dof: int) -> list[tuple[float, float]]:
    """Return (Z, gap in tau) of each function, means over seeds."""
    z, gap = defaultdict(list), defaultdict(list)
    embedded = {
        (r["task"], r["seed"], r["rows"]): r
        for r in select(data.smoothness, dof=dof, suite=SUITE, representation=_MINILM)
    }
    for row in select(data.smoothness, dof=dof, suite=SUITE, representation="traditional"):
        other = embedded.get((row["task"], row["seed"], row["rows"]))
        if other is not None:
            z[row["task"]].append(_z(row, other))
    ours, theirs = (
        {"representation": _MINILM, "head": "mlp"},
        {"representation": "traditional", "head": "mlp"},
    )
    for row, difference in paired(select(data.rows, dof=dof, suite=SUITE), ours, theirs):
        gap[row["task"]].append(difference)
    return [(float(np.mean(z[task])), float(np.mean(gap[task]))) for task in sorted(z.keys() & gap.keys())]


def _z(features: Row, embedding: Row) -> float:
    """Return the smoothness gap of two stored NLFDs: positive if the embedding is the smoother one."""
    gap = float(features["mean_invariant"] - embedding["mean_invariant"])
    return gap / math.hypot(features["deviation_invariant"], embedding["deviation_invariant"])


def _correlation(points: Sequence[tuple[float, float]]) -> Estimate | None:
    """Return Pearson's correlation with a percentile bootstrap interval over the points, if both sides vary."""
    values = np.array(points)
    if len(values) < _FEWEST_POINTS or math.isnan(_pearson(values)):
        return None
    rng = np.random.default_rng(0)
    drawn = [_pearson(values[rng.integers(len(values), size=len(values))]) for _ in range(_RESAMPLES)]
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return Estimate(_pearson(values), float(low), float(high), len(points))


def _pearson(values: NDArray[np.float64]) -> float:
    deviations = values - values.mean(axis=0)
    scale = float(np.sqrt((deviations**2).sum(axis=0).prod()))
    return float((deviations[:, 0] * deviations[:, 1]).sum() / scale) if scale else float("nan")
