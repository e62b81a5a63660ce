"""A study's scores as a table in the terminal."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from embedreg.core.errors import unknown_name
from embedreg.study._metrics import LOWER_IS_BETTER, METRICS, RANGES
from embedreg.study.grid._rows import Estimate, estimate
from embedreg.tasks._bbob import GENERATED_SUITES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embedreg.study.grid._rows import Row

_FEWER: Final = (
    0.75  # of the rows; a split has four fifths of them to train on, a little less where inputs repeat
)
METHOD = ("representation", "head")


def study_means(rows: Sequence[Row], metric: str = "kendall_tau") -> list[dict[str, Any]]:
    """Return means over tasks and seeds: one for each suite, number of fields (functions), number of rows and method.

    Returns
    -------
    list of dict
        suite, dof (None where a suite's tasks have the fields they have), rows, representation, head, mean, low, high, tasks.

    Raises
    ------
    UsageError
        If the metric is unknown.
    """
    _check_metric(metric)
    groups: defaultdict[tuple[Any, ...], list[tuple[str, float]]] = defaultdict(list)
    for row in rows:
        place = row["suite"], row["dof"] if row["suite"] in GENERATED_SUITES else None, row["rows"]
        groups[*place, row["representation"], row["head"]].append((row["task"], row[metric]))
    names = ("suite", "dof", "rows", *METHOD)
    within = RANGES.get(metric, (-math.inf, math.inf))
    return [
        dict(zip(names, key, strict=True)) | vars(estimate(values, within)) for key, values in groups.items()
    ]


def study_table(rows: Sequence[Row], metric: str = "kendall_tau") -> str:
    """Return the means as text: a line a method, best first, under a heading for each kind of task."""
    _check_metric(metric)
    if not rows:
        return "no cell is finished yet"
    places: defaultdict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for mean in study_means(rows, metric):
        places[mean["suite"], mean["dof"], mean["rows"]].append(mean)
    parts = [_part(place, means, metric) for place, means in places.items()]
    return "\n\n".join([*parts, *_smaller_tasks(rows)])


def _smaller_tasks(rows: Sequence[Row]) -> list[str]:
    """Say which tasks have fewer rows than were asked for."""
    trained = sorted({(row["task"], row["n_train"]) for row in rows if row["n_train"] < _FEWER * row["rows"]})
    fewer = dict(trained)  # the most rows of each task
    if not fewer:
        return []
    named = ", ".join(f"{task} ({n} to train on)" for task, n in fewer.items())
    return [f"These have fewer rows than were asked for, and gave all they have: {named}"]


def _check_metric(metric: str) -> None:
    if metric not in METRICS:
        raise unknown_name("metric", metric, METRICS)


def _part(place: tuple[Any, ...], means: list[dict[str, Any]], metric: str) -> str:
    suite, dof, rows = place
    best_first = sorted(means, key=lambda m: m["mean"] if metric in LOWER_IS_BETTER else -m["mean"])
    names = [f"{m['representation']} + {m['head']}" for m in best_first]
    width = max(map(len, names))
    tasks = max(m["tasks"] for m in means)
    heading = f"{suite}{'' if dof is None else f', {dof} fields'}, {rows} rows, {tasks} task{'s' * (tasks > 1)}: {metric}"
    lines = []
    for name, m in zip(names, best_first, strict=True):
        fewer = "" if m["tasks"] == tasks else f"  (of {m['tasks']} tasks)"
        found = Estimate(m["mean"], m["low"], m["high"], m["tasks"])
        lines.append(
            f"  {name:<{width}}  {found.written('.4g') if metric in LOWER_IS_BETTER else found}{fewer}"
        )
    return "\n".join([heading, *lines])
