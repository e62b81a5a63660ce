"""The arithmetic of the tables: pairs on the same draw of a task, means over tasks, wins over seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Row = dict[str, Any]
LEVEL = 0.95
FAR_BEHIND = 0.02  # of Kendall tau


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95% interval by Student's t; the ends are NaN where there is a single value.

    Attributes
    ----------
    mean, low, high, count
        Of how many values.
    """

    mean: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Estimate:
        """Return the mean of values; none at all give NaN.

        Examples
        --------
        >>> print(Estimate.of([0.1, 0.2, 0.3]))
        0.200 [-0.048, 0.448]
        """
        array = np.fromiter(values, dtype=np.float64)
        if not len(array):
            return cls(np.nan, np.nan, np.nan, 0)
        mean = float(array.mean())
        if len(array) == 1:
            return cls(mean, np.nan, np.nan, 1)
        half = float(stats.t.ppf((1 + LEVEL) / 2, len(array) - 1) * stats.sem(array))
        return cls(mean, mean - half, mean + half, len(array))

    def __str__(self) -> str:
        if not self.count:
            return ""
        mean = f"{self.mean:z.3f}"
        return mean if self.count == 1 else f"{mean} [{self.low:z.3f}, {self.high:z.3f}]"


def by_method(rows: Sequence[Row]) -> dict[str, dict[tuple[str, int], Row]]:
    """Return each method's rows by task and seed."""
    found: dict[str, dict[tuple[str, int], Row]] = {}
    for row in rows:
        found.setdefault(row["method"], {})[row["task"], row["seed"]] = row
    return found


def task_means(rows: Mapping[tuple[str, int], Row], metric: str) -> dict[str, float]:
    """Return the mean over seeds of each task, of the rows that have the metric."""
    values: dict[str, list[float]] = {}
    for (task, _), row in rows.items():
        if metric in row:
            values.setdefault(task, []).append(row[metric])
    return {task: float(np.mean(own)) for task, own in values.items()}


def complete(rows: Sequence[Row], methods: Sequence[str]) -> list[Row]:
    """Return the rows of some methods on the draws that all of them have finished, so that means are of the same tasks."""
    found = by_method(rows)
    places = [set(found.get(method, {})) for method in methods]
    shared = set.intersection(*places) if places else set()
    return [row for row in rows if row["method"] in methods and (row["task"], row["seed"]) in shared]


def differences(
    rows: Sequence[Row], one: str, other: str, metric: str = "kendall_tau"
) -> dict[str, list[float]]:
    """Return, for each task, one method's score less the other's, a value for each seed that both have."""
    found = by_method(rows)
    theirs = found.get(other, {})
    pairs: dict[str, list[float]] = {}
    for place, row in sorted(found.get(one, {}).items()):
        if place in theirs:
            pairs.setdefault(place[0], []).append(row[metric] - theirs[place][metric])
    return pairs


def outcome(over_seeds: Sequence[float]) -> str | None:
    """Return "win", "tie" or "loss"; None of one seed, whose difference has no interval.

    Examples
    --------
    >>> outcome([0.1, 0.11, 0.09]), outcome([0.1, -0.1]), outcome([0.5])
    ('win', 'tie', None)
    """
    if len(over_seeds) < 2:
        return None
    found = Estimate.of(over_seeds)
    if found.low > 0:
        return "win"
    return "loss" if found.high < 0 else "tie"


@dataclass(frozen=True)
class Duel:
    """One method against another, on the tasks that both have.

    Attributes
    ----------
    mean
        The difference of Kendall tau, over tasks.
    tasks
        How many.
    wins, ties, losses, single
        Tasks by `outcome`; `single` are those of one seed.
    ahead, far_behind
        Share of tasks whose mean difference is above 0, and below -0.02.
    worst_task, worst
        The task with the smallest mean difference, and that.
    """

    mean: Estimate
    tasks: int
    wins: int
    ties: int
    losses: int
    single: int
    ahead: float
    far_behind: float
    worst_task: str
    worst: float

    @classmethod
    def of(cls, pairs: Mapping[str, Sequence[float]]) -> Duel:
        """Count what `differences` found; at least one task."""
        means = {task: float(np.mean(values)) for task, values in pairs.items()}
        outcomes = [outcome(values) for values in pairs.values()]
        worst = min(means, key=lambda task: means[task])
        found = np.array(list(means.values()))
        return cls(
            mean=Estimate.of(found),
            tasks=len(means),
            wins=outcomes.count("win"),
            ties=outcomes.count("tie"),
            losses=outcomes.count("loss"),
            single=outcomes.count(None),
            ahead=float(np.mean(found > 0)),
            far_behind=float(np.mean(found < -FAR_BEHIND)),
            worst_task=worst,
            worst=means[worst],
        )


def mean_by_family(values: Mapping[str, float], family_of_task: Mapping[str, str]) -> dict[str, Estimate]:
    """Return the mean over the tasks of each family that has any."""
    groups: dict[str, list[float]] = {}
    for task, value in values.items():
        groups.setdefault(family_of_task[task], []).append(value)
    return {family: Estimate.of(own) for family, own in groups.items()}
