"""What a study has found so far, as rows, and means of them with intervals."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from embedreg.study.grid._cells import Cell
    from embedreg.study.grid._plan import Plan
    from embedreg.study.grid._store import StudyStore

Row = dict[str, Any]
KEY: Final = "key"  # of a row in the store: a digest of all that decides its numbers
# Of the paper's functions all but two are BBOB's own tasks; those two stand with them, so that means are over the whole set.
_STANDS_WITH: Final = {"bbob-paper": "bbob"}
_LEVEL: Final = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over tasks with its 95% interval.

    Attributes
    ----------
    mean, low, high
        In the unit of what is averaged; low and high are NaN where there is a single value, or two equal ones.
    tasks
        Over how many tasks.
    """

    mean: float
    low: float
    high: float
    tasks: int

    def __str__(self) -> str:
        return self.written("z.2f")

    def written(self, form: str) -> str:
        """Return mean and interval, each number in a form: four figures, "z.4g", of what is in a target's unit."""
        mean = format(self.mean, form)
        return mean if np.isnan(self.low) else f"{mean} [{self.low:{form}}, {self.high:{form}}]"


def finished_rows(plan: Plan, store: StudyStore) -> list[Row]:
    """Return the row of each finished cell with its key, under the names that this study gives to things."""
    found = store.get("cells", plan.keys)
    return [
        found[key] | _names(cell) | {"head": cell.head.name, KEY: key}
        for key, cell in zip(plan.keys, plan.cells, strict=True)
        if key in found
    ]


def smoothness_rows(plan: Plan, store: StudyStore) -> list[Row]:
    """Return the smoothness of each item that has one, with its key, under the names that this study gives to things."""
    items = {cell.name()[:-1]: cell for cell in plan.cells}  # any of its heads
    keys = {name: cell.item.smoothness_key() for name, cell in items.items()}
    found = store.get("smoothness", keys.values())
    return [found[key] | _names(items[name]) | {KEY: key} for name, key in keys.items() if key in found]


def _names(cell: Cell) -> Row:
    item = cell.item
    suite = _STANDS_WITH.get(item.task.suite, item.task.suite)
    return {"task": item.task.name, "suite": suite, "representation": item.representation.name}


def estimate(
    values: Sequence[tuple[Hashable, float]], within: tuple[float, float] = (-np.inf, np.inf)
) -> Estimate:
    """Return the mean over tasks of the mean over their seeds, with Student's t interval over the tasks' means.

    With one task it is over its seeds. A percentile bootstrap of few tasks is far too narrow: of three, it never reaches beyond
    their least and greatest.

    Parameters
    ----------
    values
        (task, value) pairs, one a seed.
    within
        The least and the greatest that a value can be, at which the interval ends: of two seeds it would go far beyond.

    Examples
    --------
    >>> print(estimate([("a", 0.5), ("a", 0.7), ("b", 0.4), ("c", 0.5)]))
    0.50 [0.25, 0.75]
    """
    by_task: defaultdict[Hashable, list[float]] = defaultdict(list)
    for task, value in values:
        by_task[task].append(value)
    means = np.array([np.mean(own) for own in by_task.values()])
    mean, tasks = float(means.mean()), len(means)
    units = means if tasks > 1 else np.array(next(iter(by_task.values())))
    if len(units) < 2 or (
        len(units) == 2 and units[0] == units[1]
    ):  # two that agree say nothing of how others differ
        return Estimate(mean, np.nan, np.nan, tasks)
    half = float(stats.t.ppf((1 + _LEVEL) / 2, len(units) - 1) * stats.sem(units))
    least, greatest = within
    return Estimate(mean, max(mean - half, least), min(mean + half, greatest), tasks)


def paired(
    rows: Sequence[Row], one: Mapping[str, Any], other: Mapping[str, Any], metric: str = "kendall_tau"
) -> list[tuple[Row, float]]:
    """Return, for each task, number of rows and seed that both have, (row of `one`, its score less that of `other`).

    `one` and `other` are values that a row must have: a representation and a head, say.
    """
    base = {place_of(row): row[metric] for row in select(rows, **other)}
    return [(row, row[metric] - base[place_of(row)]) for row in select(rows, **one) if place_of(row) in base]


def place_of(row: Row) -> tuple[str, int, int]:
    """Return what two rows have in common that are scores on the same split: task, number of rows, seed."""
    return row["task"], row["rows"], row["seed"]


def unit_of(task: str) -> str:
    """Return what an interval resamples: the task, or the function, whose numbers of fields are no chance draws.

    Examples
    --------
    >>> unit_of("bbob/sphere@5"), unit_of("xla/one")
    ('bbob/sphere', 'xla/one')
    """
    return task.partition("@")[0]


def select(rows: Sequence[Row], /, **values: Any) -> list[Row]:
    """Return the rows that have those values; a tuple or set stands for any of its members."""
    for name, value in values.items():
        wanted = value if isinstance(value, (tuple, set, frozenset)) else (value,)
        rows = [row for row in rows if row[name] in wanted]
    return list(rows)
