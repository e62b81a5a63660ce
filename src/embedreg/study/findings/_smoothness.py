"""Results on smoothness: what it explains, on functions and on real tasks, and what it chooses."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from embedreg.study.findings._families import FAMILIES
from embedreg.study.findings._finding import Chart, Finding, StudyData, overall, shown, verdict_on
from embedreg.study.grid import Estimate, estimate
from embedreg.study.grid._rows import paired, select

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from embedreg.study.grid._rows import Row

_BBOB: Final = "bbob"
_FEATURES: Final = "traditional"
_HEAD: Final = "mlp"
# Table 2 of the paper: least and greatest correlation over its six models, by degrees of freedom
_PAPER: Final = {5: (0.72, 0.82), 10: (0.60, 0.81), 25: (0.70, 0.82), 50: (0.75, 0.86), 100: (0.76, 0.88)}
_RESAMPLES: Final = 2000
_FEWEST_POINTS: Final = 4


def functions(data: StudyData) -> Finding:
    """Return result 3: the smoothness gap against the performance gap, over functions."""
    found = {
        dof: correlation
        for dof in data.values("dof", suite=_BBOB)
        if (correlation := _correlation(_gaps(data, suite=_BBOB, dof=dof))) is not None
    }
    literal = {dof: _correlation(_gaps(data, scaling="paper", suite=_BBOB, dof=dof)) for dof in found}
    sentence = (
        "Pearson correlation of the smoothness gap Z and the gap in Kendall tau (MLP on both): "
        + ", ".join(f"{shown(c)} at {dof} fields" for dof, c in found.items())
    )
    lines = {"invariant scaling": list(found.items()), "the paper's literal scaling": _present(literal)}
    return Finding(
        3,
        "Smoothness explains performance",
        "Over functions, the smoothness gap Z and the performance gap are correlated, by .60 to .88.",
        "At every number of fields, the interval of the correlation (functions resampled) is above 0.",
        overall([verdict_on(correlation) for correlation in found.values()]),
        sentence if found else "no functions were run with both representations",
        [
            "number of fields",
            "here",
            "by the paper's literal scaling",
            "in the paper (least and greatest)",
            "functions",
        ],
        [[dof, shown(c), shown(literal[dof]), _paper_range(dof), c.tasks] for dof, c in found.items()],
        Chart("number of fields", "Pearson correlation", lines) if found else None,
    )


def real_tasks(data: StudyData) -> Finding:
    """Return result 11: the same on real tasks, which the paper leaves out."""
    groups: dict[str, dict[str, Any]] = {family: {"suite": family} for family in FAMILIES} | {
        "all four": {"suite": FAMILIES}
    }
    found = {
        name: correlation
        for name, where in groups.items()
        if (correlation := _correlation(_gaps(data, **where))) is not None
    }
    return Finding(
        11,
        "Smoothness on real tasks",
        "It leaves real tasks out.",
        "Agrees with what it found on functions if the interval of the correlation over all real tasks is above 0.",
        verdict_on(found.get("all four")),
        ", ".join(f"{name}: {shown(c)}" for name, c in found.items())
        or "no family was run with both representations",
        ["tasks", "Pearson correlation of Z and the gap in tau", "tasks"],
        [[name, shown(c), c.tasks] for name, c in found.items()],
        Chart("tasks", "Pearson correlation", {data.subject: list(found.items())}) if found else None,
    )


def choice(data: StudyData) -> Finding:
    """Return result 12: what is lost by choosing a representation on training data, by smoothness or by ridge."""
    groups = {"bbob": _BBOB} | {family: family for family in FAMILIES}
    regrets = {name: _regrets(data, suite) for name, suite in groups.items()}
    regrets = {name: found for name, found in regrets.items() if found}
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


def _regrets(data: StudyData, suite: str) -> dict[str, Estimate]:
    """Return the mean regret of each rule of choice."""
    taus = {
        name: {
            _place(row): row["kendall_tau"]
            for row in select(data.rows, suite=suite, representation=name, head=_HEAD)
        }
        for name in (data.subject, _FEATURES)
    }
    errors = {
        name: {
            _place(row): row["chosen"]["loo_mse"]
            for row in select(data.rows, suite=suite, representation=name, head="ridge")
        }
        for name in (data.subject, _FEATURES)
    }
    gaps = {_place(row): z for row, z in _smoothness_gaps(data, suite=suite)}
    places = [p for p in gaps if all(p in part for part in (*taus.values(), *errors.values()))]
    values: defaultdict[str, list[tuple[str, float]]] = defaultdict(list)
    for place in places:
        ours, theirs = taus[data.subject][place], taus[_FEATURES][place]
        by_z, by_ridge = gaps[place] > 0, errors[data.subject][place] < errors[_FEATURES][place]
        best, task = max(ours, theirs), place[0]
        coin = best - (ours + theirs) / 2
        for rule, embedding in (("by Z", by_z), ("by ridge", by_ridge), ("by both", by_z and by_ridge)):
            values[rule].append((task, best - (ours if embedding else theirs)))
        values["always traditional"].append((task, best - theirs))
        values["Z less a coin"].append((task, values["by Z"][-1][1] - coin))
    return {rule: estimate(found) for rule, found in values.items()}


def _gaps(data: StudyData, scaling: str = "invariant", **where: Any) -> list[tuple[float, float]]:
    """Return (Z, gap in tau) of each task, means over seeds."""
    z, gap = defaultdict(list), defaultdict(list)
    for row, value in _smoothness_gaps(data, scaling, **where):
        z[row["task"]].append(value)
    ours, theirs = ({"representation": name, "head": _HEAD} for name in (data.subject, _FEATURES))
    for row, difference in paired(select(data.rows, **where), ours, theirs):
        gap[row["task"]].append(difference)
    return [(float(np.mean(z[task])), float(np.mean(gap[task]))) for task in sorted(z.keys() & gap.keys())]


def _smoothness_gaps(data: StudyData, scaling: str = "invariant", **where: Any) -> list[tuple[Row, float]]:
    """Return (row, Z) of each task, number of rows and seed: positive where the embedding is the smoother one."""
    embedded = {_place(row): row for row in select(data.smoothness, representation=data.subject, **where)}
    found = []
    for row in select(data.smoothness, representation=_FEATURES, **where):
        other = embedded.get(_place(row))
        if other is not None:
            gap = row[f"mean_{scaling}"] - other[f"mean_{scaling}"]
            spread = math.hypot(row[f"deviation_{scaling}"], other[f"deviation_{scaling}"])
            if spread > 0:  # false for NaN too: all vectors are equal
                found.append((row, gap / spread))
    return found


def _place(row: Row) -> tuple[str, int, int]:
    return row["task"], row["rows"], row["seed"]


def _present(values: dict[Any, Estimate | None]) -> list[tuple[Any, Estimate]]:
    return [(x, value) for x, value in values.items() if value is not None]


def _paper_range(dof: int) -> str:
    if dof not in _PAPER:
        return "-"
    low, high = _PAPER[dof]
    return f"{low:.2f} to {high:.2f}"


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
