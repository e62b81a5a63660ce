"""Results on the families of real tasks: who wins how often, names, and amounts of data."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

import numpy as np
from scipy.stats import binomtest

from embedreg.study.findings._finding import (
    AGREES,
    DISAGREES,
    INCONCLUSIVE,
    NOT_RUN,
    Chart,
    Finding,
    StudyData,
    labelled,
    overall,
    shown,
    verdict_on,
)
from embedreg.study.grid import Estimate, estimate
from embedreg.study.grid._rows import paired, select

FAMILIES: Final = ("init2winit", "l2da", "automl", "xla")
# Table 1 of the paper: least and greatest share over its four models, in %
_PAPER_SHARES: Final = {
    "init2winit": (6.7, 19.0),
    "l2da": (2.7, 12.0),
    "automl": (29.3, 41.3),
    "xla": (17.2, 29.3),
}
_LITTLE: Final = 0.05


def wins(data: StudyData) -> Finding:
    """Return result 2: the share of tasks on which the embedding beats traditional features."""
    found = {family: share for family in FAMILIES if (share := _share(data, family)) is not None}
    shares = {labelled(family, rows): share for family, (share, rows) in found.items()}
    verdicts = [verdict_on(_less(0.5, share)) for share in shares.values()]
    return Finding(
        2,
        "How often the embedding wins",
        "On real tasks the embedding beats traditional features on a minority: 3 to 41% of the tasks of a family.",
        "A task is won if the embedding's tau (MLP), averaged over seeds, is above that of traditional features with the MLP and "
        "with XGBoost. The share's exact binomial interval is below one half in every family.",
        overall(verdicts),
        ", ".join(f"{family}: {shown(share)} of {share.tasks} tasks" for family, share in shares.items())
        or "no family was run",
        ["family", "share won here", "tasks", "in the paper (least and greatest of its models)"],
        [
            [
                labelled(family, rows),
                shown(share),
                share.tasks,
                "{:.0f}% to {:.0f}%".format(*_PAPER_SHARES[family]),
            ]
            for family, (share, rows) in found.items()
        ],
        Chart("family", "share of tasks won", {f"{data.subject} + mlp": list(shares.items())})
        if shares
        else None,
    )


def _share(data: StudyData, family: str) -> tuple[Estimate, int] | None:
    """Return the share of tasks won and on how many rows; only seeds that all three methods have count."""
    methods = [
        {"representation": representation, "head": head}
        for representation, head in (
            (data.subject, "mlp"),
            ("traditional", "mlp"),
            ("traditional", "xgboost"),
        )
    ]
    size = data.number_of_rows(*methods, suite=family)
    if size is None:
        return None
    rows = select(data.rows, suite=family, rows=size)
    taus = [{(r["task"], r["seed"]): r["kendall_tau"] for r in select(rows, **method)} for method in methods]
    seeds = defaultdict(list)
    for task, seed in sorted(set.intersection(*map(set, taus))):
        seeds[task].append([tau[task, seed] for tau in taus])
    means = {task: np.mean(found, axis=0) for task, found in seeds.items()}
    return _proportion([ours > max(theirs) for ours, *theirs in means.values()]), size


def _proportion(won: list[bool]) -> Estimate:
    """Return a share with its exact interval (Clopper and Pearson, 1934): resampling tasks gives none where all are lost.

    Examples
    --------
    >>> print(_proportion([False] * 6))
    0.00 [0.00, 0.46]
    """
    found = binomtest(sum(won), len(won))
    interval = found.proportion_ci(confidence_level=0.95)
    return Estimate(float(found.statistic), float(interval.low), float(interval.high), len(won))


def _less(value: float, estimated: Estimate) -> Estimate:
    return Estimate(value - estimated.mean, value - estimated.high, value - estimated.low, estimated.tasks)


def names(data: StudyData) -> Finding:
    """Return result 7: what dropping the parameters' names changes."""
    bare, full = {"representation": f"{data.subject}, without names"}, {"representation": data.subject}
    sides = bare | {"head": "ridge"}, full | {"head": "ridge"}
    changes = {
        family: change
        for family in ("bbob", *FAMILIES)
        if (change := data.difference(*sides, suite=family)) is not None
    }
    labels = {family: labelled(family, data.number_of_rows(*sides, suite=family)) for family in changes}
    small = {family: max(abs(change.low), abs(change.high)) < _LITTLE for family, change in changes.items()}
    verdict = NOT_RUN if not changes or "xla" not in changes else _names_verdict(changes, small)
    return Finding(
        7,
        "Names of parameters",
        "Leaving out the names changes little, except on XLA.",
        "The interval of the change in tau (ridge) lies within 0.05 of zero in every family but xla, and is below 0 there; "
        "it disagrees where a family's interval lies beyond 0.05, or xla's is not below 0 but within 0.05.",
        verdict,
        "; ".join(f"{labels[family]}: {shown(change)}" for family, change in changes.items())
        or "it was not run",
        ["family", "change of tau without names", "tasks"],
        [[labels[family], shown(change), change.tasks] for family, change in changes.items()],
        Chart(
            "family",
            "change of Kendall tau",
            {"without names": [(labels[family], change) for family, change in changes.items()]},
        )
        if changes
        else None,
    )


def _names_verdict(changes: dict[str, Estimate], small: dict[str, bool]) -> str:
    others = [changes[family] for family in changes if family != "xla"]
    if all(small[family] for family in changes if family != "xla") and changes["xla"].high < 0:
        return AGREES
    beyond = any(change.low > _LITTLE or change.high < -_LITTLE for change in others)
    return DISAGREES if small["xla"] or beyond else INCONCLUSIVE


def amount(data: StudyData) -> Finding:
    """Return result 8: the gap to traditional features against the number of points."""
    lines = {
        f"embedding less traditional + {head}": line
        for head in ("mlp", "xgboost")
        if len(line := _gap_by_rows(data, head)) > 1
    }
    sizes = sorted({size for line in lines.values() for size, _ in line})
    verdicts = [verdict_on(_narrowing(line)) for line in lines.values()]
    return Finding(
        8,
        "Amount of data",
        "The gap between embeddings and traditional features narrows as training points grow.",
        "The size of the gap with the fewest points less that with the most: both gaps' intervals are apart, "
        "and the first is farther from 0. Every number of rows has the same tasks and seeds; "
        "a task with fewer rows gives all it has.",
        overall(verdicts),
        "; ".join(
            f"{name}: {shown(line[0][1])} with {line[0][0]} rows, {shown(line[-1][1])} with {line[-1][0]}"
            for name, line in lines.items()
        )
        or "no two numbers of rows were run with the MLP, and with traditional features and the MLP or XGBoost",
        ["difference", *(f"{size} rows" for size in sizes), "tasks"],
        [
            [name, *(shown(dict(line).get(size)) for size in sizes), line[0][1].tasks]
            for name, line in lines.items()
        ],
        Chart("rows (train, validation and test)", "difference in Kendall tau", lines) if lines else None,
    )


def _gap_by_rows(data: StudyData, head: str) -> list[tuple[float | str, Estimate]]:
    """Return the gap to traditional features with a head at each number of rows, on splits that all of those have."""
    rows = select(data.rows, suite=FAMILIES)
    ours = {"representation": data.subject, "head": "mlp"}
    gaps: defaultdict[int, dict[tuple[str, int], float]] = defaultdict(dict)
    for row, gap in paired(rows, ours, {"representation": "traditional", "head": head}):
        gaps[row["rows"]][row["task"], row["seed"]] = gap
    shared = sorted(set.intersection(*map(set, gaps.values()))) if gaps else []
    return [
        (size, estimate([(place[0], gaps[size][place]) for place in shared]))
        for size in sorted(gaps)
        if shared
    ]


def _narrowing(line: list[tuple[float | str, Estimate]]) -> Estimate | None:
    """Return by how much the gap shrinks, its interval from the ends of both gaps' intervals."""
    if len(line) < 2:
        return None
    first, last = line[0][1], line[-1][1]
    sign = 1.0 if first.mean >= 0 else -1.0
    ends = sorted((sign * (first.low - last.high), sign * (first.high - last.low)))
    return Estimate(abs(first.mean) - abs(last.mean), ends[0], ends[1], min(first.tasks, last.tasks))
