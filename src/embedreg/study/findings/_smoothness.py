"""Results on smoothness: what it explains, on functions and on real tasks, and what it chooses."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from embedreg.study.findings._families import FAMILIES
from embedreg.study.findings._finding import (
    Chart,
    Finding,
    StudyData,
    is_copy,
    labelled,
    overall,
    shown,
    verdict_on,
)
from embedreg.study.grid import Estimate, estimate
from embedreg.study.grid._rows import paired, place_of, select, unit_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from embedreg.study.grid._rows import Row

_BBOB: Final = "bbob"
_FEATURES: Final = "traditional"
_HEAD: Final = "mlp"
_TOGETHER: Final = "all together"
# Table 2 of the paper: least and greatest correlation over its six models, by degrees of freedom
_PAPER: Final = {5: (0.72, 0.82), 10: (0.60, 0.81), 25: (0.70, 0.82), 50: (0.75, 0.86), 100: (0.76, 0.88)}
_SCALINGS: Final = {"invariant": "invariant", "paper": "literal"}
_MOST_LINES: Final = 4
_RESAMPLES: Final = 2000
_FEWEST_POINTS: Final = 4


def functions(data: StudyData) -> Finding:
    """Return result 3: the smoothness gap against the performance gap, over functions."""
    found = {
        (name, scaling): line
        for name in data.embeddings(suite=_BBOB)
        for scaling in _SCALINGS
        if (line := _by_dof(data, name, scaling))
    }
    ours = found.get((data.subject, "invariant"), {})
    dofs = sorted({dof for line in found.values() for dof in line} | (set(_PAPER) if found else set()))
    labels = {name: labelled(name, _size(data, name, suite=_BBOB)) for name, _ in found}
    drawn = _drawn(found, labels, data.subject)
    return Finding(
        3,
        "Smoothness explains performance",
        "Over functions, the smoothness gap Z and the performance gap are correlated, by .60 to .88.",
        f"At every number of fields, the interval of the correlation for {data.subject} with the invariant scaling "
        "(functions resampled) is above 0.",
        overall([verdict_on(correlation) for correlation in ours.values()]),
        f"Pearson correlation of the smoothness gap Z and the gap in Kendall tau (MLP on both), {labels[data.subject]}: "
        + ", ".join(f"{shown(c)} at {dof} fields" for dof, c in ours.items())
        if ours
        else "no functions were run with both representations",
        ["embedding", "scaling", *(f"{dof} fields" for dof in dofs), "functions"],
        [
            [labels[name], _SCALINGS[scaling], *(shown(line.get(dof)) for dof in dofs), _functions_of(line)]
            for (name, scaling), line in found.items()
        ]
        + (
            [["the paper's six models, least and greatest", "", *map(_paper_range, dofs), 23]]
            if found
            else []
        ),
        Chart("number of fields", "Pearson correlation", drawn) if drawn else None,
    )


def _by_dof(data: StudyData, embedding: str, scaling: str) -> dict[int, Estimate]:
    points: defaultdict[int, list[tuple[float, float]]] = defaultdict(list)
    for dof, *point in _gaps(data, scaling, embedding, suite=_BBOB):
        points[dof].append((point[0], point[1]))
    correlations = {dof: _correlation(points[dof]) for dof in sorted(points)}
    return {dof: correlation for dof, correlation in correlations.items() if correlation is not None}


def _drawn(
    found: dict[tuple[str, str], dict[int, Estimate]], labels: dict[str, str], subject: str
) -> dict[str, list[tuple[float | str, Estimate]]]:
    """Return the lines that a chart can tell apart: those of the subject and of the first trained embeddings."""
    lines: dict[str, list[tuple[float | str, Estimate]]] = {
        f"{labels[name]}, {_SCALINGS[scaling]}": list(line.items())
        for (name, scaling), line in found.items()
        if name == subject or not is_copy(name)
    }
    return dict(list(lines.items())[:_MOST_LINES])


def _functions_of(line: dict[int, Estimate]) -> str:
    counts = sorted({value.tasks for value in line.values()})
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


def real_tasks(data: StudyData) -> Finding:
    """Return result 11: the same on real tasks, which the paper leaves out."""
    groups: dict[str, dict[str, Any]] = {family: {"suite": family} for family in FAMILIES} | {
        _TOGETHER: {"suite": FAMILIES}
    }
    found = {
        labelled(name, _size(data, data.subject, **where)): correlation
        for name, where in groups.items()
        if (correlation := _correlation([p for _, *p in _gaps(data, "invariant", data.subject, **where)]))
        is not None
    }
    everything = found.get(labelled(_TOGETHER, _size(data, data.subject, suite=FAMILIES)))
    return Finding(
        11,
        "Smoothness on real tasks",
        "It leaves real tasks out.",
        "Agrees with what it found on functions if the interval of the correlation over all real tasks is above 0.",
        verdict_on(everything),
        ", ".join(f"{name}: {shown(c)}" for name, c in found.items())
        or "no family was run with both representations",
        ["tasks", "Pearson correlation of Z and the gap in tau", "tasks"],
        [[name, shown(c), c.tasks] for name, c in found.items()],
        Chart("tasks", "Pearson correlation", {data.subject: list(found.items())}) if found else None,
    )


def choice(data: StudyData) -> Finding:
    """Return result 12: what is lost by choosing a representation on training data, by smoothness or by ridge."""
    groups = {"bbob": _BBOB} | {family: family for family in FAMILIES}
    sizes = {name: _size_of_choice(data, suite) for name, suite in groups.items()}
    regrets = {
        labelled(name, size): found
        for name, size in sizes.items()
        if size is not None and (found := _regrets(data, groups[name], size))
    }
    rules = list(dict.fromkeys(rule for found in regrets.values() for rule in found))
    lines: dict[str, list[tuple[float | str, Estimate]]] = {
        rule: [(name, found[rule]) for name, found in regrets.items()] for rule in rules
    }
    better = [found["Z less a coin"] for found in regrets.values()]
    drawn = {rule: line for rule, line in lines.items() if rule != "Z less a coin"}
    return Finding(
        12,
        "Choosing by smoothness",
        "It does not choose by smoothness.",
        "Regret: tau of the better representation (MLP) less that of the chosen one, per split. Z, from training "
        "rows alone, chooses if its regret less that of a coin is below 0, by its interval, in every group.",
        overall([verdict_on(value, expected=-1) for value in better]),
        "; ".join(
            f"{name}: " + ", ".join(f"{rule} {shown(found[rule])}" for rule in drawn)
            for name, found in regrets.items()
        )
        or "nothing was run with both representations and ridge",
        ["rule", *regrets],
        [[rule, *(shown(value) for _, value in line)] for rule, line in lines.items()],
        Chart("tasks", "regret in Kendall tau", drawn) if regrets else None,
    )


def _size_of_choice(data: StudyData, suite: str) -> int | None:
    methods = [
        {"representation": name, "head": head}
        for name in (data.subject, _FEATURES)
        for head in (_HEAD, "ridge")
    ]
    return data.number_of_rows(*methods, suite=suite)


def _regrets(data: StudyData, suite: str, size: int) -> dict[str, Estimate]:
    """Return the mean regret of each rule of choice."""
    rows = select(data.rows, suite=suite, rows=size)
    taus = {
        name: {place_of(row): row["kendall_tau"] for row in select(rows, representation=name, head=_HEAD)}
        for name in (data.subject, _FEATURES)
    }
    errors = {
        name: {
            place_of(row): row["chosen"]["loo_mse"] for row in select(rows, representation=name, head="ridge")
        }
        for name in (data.subject, _FEATURES)
    }
    gaps = {place_of(row): z for row, z in _smoothness_gaps(data, "invariant", data.subject, suite=suite)}
    places = [p for p in gaps if all(p in part for part in (*taus.values(), *errors.values()))]
    values: defaultdict[str, list[tuple[str, float]]] = defaultdict(list)
    for place in places:
        ours, theirs = taus[data.subject][place], taus[_FEATURES][place]
        by_z, by_ridge = gaps[place] > 0, errors[data.subject][place] < errors[_FEATURES][place]
        best, task = max(ours, theirs), unit_of(place[0])
        coin = best - (ours + theirs) / 2
        for rule, embedding in (("by Z", by_z), ("by ridge", by_ridge), ("by both", by_z and by_ridge)):
            values[rule].append((task, best - (ours if embedding else theirs)))
        values["always traditional"].append((task, best - theirs))
        values["Z less a coin"].append((task, values["by Z"][-1][1] - coin))
    return {rule: estimate(found) for rule, found in values.items()}


def _size(data: StudyData, embedding: str, **where: Any) -> int | None:
    """Return the number of rows at which an embedding and traditional features are compared."""
    ours, theirs = ({"representation": name, "head": _HEAD} for name in (embedding, _FEATURES))
    return data.number_of_rows(ours, theirs, **where)


def _gaps(data: StudyData, scaling: str, embedding: str, **where: Any) -> list[tuple[int, float, float]]:
    """Return (fields, Z, gap in tau) of each task, means over the seeds that have both, at one number of rows."""
    size = _size(data, embedding, **where)
    z = {place_of(row): value for row, value in _smoothness_gaps(data, scaling, embedding, **where)}
    ours, theirs = ({"representation": name, "head": _HEAD} for name in (embedding, _FEATURES))
    by_task = defaultdict(list)
    for row, difference in paired(select(data.rows, **where, rows=size), ours, theirs):
        if place_of(row) in z:
            by_task[row["task"], row["dof"]].append((z[place_of(row)], difference))
    means = {place: np.mean(by_task[place], axis=0) for place in sorted(by_task)}
    return [(dof, float(mean[0]), float(mean[1])) for (_, dof), mean in means.items()]


def _smoothness_gaps(data: StudyData, scaling: str, embedding: str, **where: Any) -> list[tuple[Row, float]]:
    """Return (row, Z) of each task, number of rows and seed: positive where the embedding is the smoother one."""
    embedded = {place_of(row): row for row in select(data.smoothness, representation=embedding, **where)}
    found = []
    for row in select(data.smoothness, representation=_FEATURES, **where):
        other = embedded.get(place_of(row))
        if other is not None:
            gap = row[f"mean_{scaling}"] - other[f"mean_{scaling}"]
            spread = math.hypot(row[f"deviation_{scaling}"], other[f"deviation_{scaling}"])
            if spread > 0:  # false for NaN too: all vectors are equal
                found.append((row, gap / spread))
    return found


def _paper_range(dof: int) -> str:
    if dof not in _PAPER:
        return "-"
    low, high = _PAPER[dof]
    return f"{low:.2f} to {high:.2f}"


def _correlation(points: Sequence[Sequence[float]]) -> Estimate | None:
    """Return Pearson's correlation with a percentile bootstrap interval over the points, if both sides vary."""
    values = np.array(points)
    if len(values) < _FEWEST_POINTS or np.isnan(_pearson(values)):
        return None
    drawn = values[np.random.default_rng(0).integers(len(values), size=(_RESAMPLES, len(values)))]
    low, high = np.nanquantile(_pearson(drawn), [0.025, 0.975])
    return Estimate(float(_pearson(values)), float(low), float(high), len(points))


def _pearson(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the correlation of (..., n, 2) pairs, NaN where a side does not vary."""
    deviations = values - values.mean(axis=-2, keepdims=True)
    scale = np.sqrt((deviations**2).sum(axis=-2).prod(axis=-1))
    products = deviations.prod(axis=-1).sum(axis=-1)
    found: NDArray[np.float64] = np.divide(products, scale, out=np.full_like(scale, np.nan), where=scale > 0)
    return found
