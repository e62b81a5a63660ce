"""The cells: which tasks, seeds and methods there are, in which order they are run, and a key for each."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from embedreg.tasks import select_tasks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.quality.methods import Method
    from embedreg.core.protocols import Json
    from embedreg.tasks import Task

SUITES = (
    "automl",
    "init2winit",
    "xla",
    "l2da",
    "mixed",
    "text",
    "molecules",
    "materials",
    "protein",
    "graphs",
)
TASKS = (*SUITES, "bbob@5,10,25,50,100")
SEEDS = (0, 1, 2, 3, 4)
ROWS = 500
SCORED = 250
"""Test rows: a tenth of `ROWS`, and others of the task's up to so many, since 50 say little of a single task."""
VERSION = 2  # to be raised when the split or the scores change


@dataclass(frozen=True, eq=False)
class Cell:
    """A method on one draw of a task."""

    task: Task
    seed: int
    method: Method

    @property
    def name(self) -> tuple[str, int, str]:
        """Return task, seed and method."""
        return self.task.name, self.seed, self.method.name

    def key(self) -> str:
        """Return a digest of everything that decides its numbers, but for the versions of packages."""
        named = {
            "task": _identity(self.task),
            "seed": self.seed,
            "rows": ROWS,
            "scored": SCORED,
            "method": self.method.name,
            "settings": self.method.settings,
            "version": VERSION,
        }
        return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()[:32]


@functools.cache
def _identity(task: Task) -> dict[str, Json]:
    return {"name": task.name, **task.identity()}


def family_of(task: str) -> str:
    """Return what tables average over: the suite; of BBOB, the functions of one number of inputs.

    Examples
    --------
    >>> family_of("xla/db_JOB_5knob"), family_of("bbob/sphere@25")
    ('xla', 'bbob, 25 inputs')
    """
    stem, at, dof = task.partition("@")
    suite = stem.partition("/")[0]
    return f"{suite}, {dof} inputs" if at else suite


def chosen_tasks(patterns: Sequence[str] = TASKS) -> list[Task]:
    """Return the tasks of some patterns, a task of each family in turn, so that a part of a run covers all."""
    families: dict[str, list[Task]] = {}
    for task in select_tasks(patterns):
        families.setdefault(family_of(task.name), []).append(task)
    turns = zip_longest(*families.values())
    return [task for turn in turns for task in turn if task is not None]


def cells_of(tasks: Sequence[Task], seeds: Sequence[int], methods: Iterable[Method]) -> list[Cell]:
    """Return the cells in the order in which they are run: a seed of all tasks before the next."""
    known = list(methods)
    return [Cell(task, seed, method) for seed in seeds for task in tasks for method in known]
