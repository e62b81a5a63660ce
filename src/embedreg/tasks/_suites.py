"""Every suite that is known by name, and choosing tasks from them."""

from __future__ import annotations

import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from embedreg.core.errors import UsageError, unknown_name
from embedreg.tasks._bbob import GENERATED_SUITES, LEAST_DOF, PAPER_DOFS
from embedreg.tasks._real_tasks import real_suites
from embedreg.tasks._user_suite import suite_from_toml

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from embedreg.tasks._task import Suite, Task


def suites() -> tuple[Suite, ...]:
    """Return all suites. Those that can be made at any number of inputs have the paper's: 5, 10, 25, 50, 100.

    Examples
    --------
    >>> [suite.name for suite in suites()][:5]
    ['bbob', 'bbob-paper', 'bbob-centred', 'automl', 'init2winit']
    """
    return (*_generated(PAPER_DOFS), *real_suites())


def suite_named(name: str) -> Suite:
    """Return a suite.

    Raises
    ------
    UsageError
        If the name is unknown.

    Examples
    --------
    >>> len(suite_named("automl").tasks)
    12
    """
    known = {suite.name: suite for suite in suites()}
    if name not in known:
        raise unknown_name("suite", name, known)
    return known[name]


def select_tasks(patterns: Sequence[str]) -> list[Task]:
    """Choose tasks, each once, in the order of the patterns.

    Parameters
    ----------
    patterns
        Each is one of: a suite ("automl"); a task ("automl/hpobench_car"); a pattern of tasks ("xla/db_*"); any
        of these with numbers of inputs where it can be made at any ("bbob@5,10", "bbob/sphere@10",
        "bbob/schaffers*@3"), which are the paper's five if not given; the path of a TOML file for
        `suite_from_toml` ("./mine.toml").

    Raises
    ------
    UsageError
        If a pattern names nothing, or two different tasks have one name.

    Examples
    --------
    >>> [task.name for task in select_tasks(["l2da/black*", "bbob/sphere@3,20"])]
    ['l2da/blackscholes_cycles', 'l2da/blackscholes_alms', 'bbob/sphere@3', 'bbob/sphere@20']
    """
    chosen: dict[str, Task] = {}
    for pattern in patterns:
        for task in _matching(pattern):
            if chosen.setdefault(task.name, task) != task:
                raise UsageError(
                    f"two different tasks {task.name!r}, the second from {pattern}",
                    expected="a name for each",
                    mend="rename the suite or the file of one",
                )
    return list(chosen.values())


def _matching(pattern: str) -> Sequence[Task]:
    if pattern.endswith(".toml"):
        return suite_from_toml(Path(pattern)).tasks
    stem, at, dofs = pattern.partition("@")
    known = _generated(_parsed_dofs(dofs, pattern)) if at else suites()
    for suite in known:
        if suite.name == stem:
            return suite.tasks
    tasks = {task.name: task for suite in known for task in suite.tasks}
    found = [task for name, task in tasks.items() if fnmatch.fnmatchcase(_without_dof(name), stem)]
    if not found:
        raise _unknown(pattern, stem, known)
    return found


def _generated(dofs: Sequence[int]) -> tuple[Suite, ...]:
    return tuple(make(dofs) for make in GENERATED_SUITES.values())


def _parsed_dofs(dofs: str, pattern: str) -> list[int]:
    words = dofs.split(",")
    if not all(word.isdecimal() and int(word) >= LEAST_DOF for word in words):
        raise UsageError(
            f"numbers of inputs {dofs!r} in {pattern!r}",
            expected=f"whole numbers from {LEAST_DOF}, with commas between them",
            mend="write it like bbob@5,10,25",
        )
    return [int(word) for word in words]


def _unknown(pattern: str, stem: str, known: Iterable[Suite]) -> UsageError:
    """Name the tasks of the suite if that much is known, else the suites; the nearest of all of them."""
    members = {suite.name: dict.fromkeys(_without_dof(task.name) for task in suite.tasks) for suite in known}
    every = {*members, *(name for names in members.values() for name in names)}
    shown = members.get(stem.partition("/")[0], members)
    return UsageError(
        f"task or suite {pattern!r}",
        expected=f"one of {', '.join(shown)}",
        mend=unknown_name("task", stem, every).mend,
    )


def _without_dof(name: str) -> str:
    return name.partition("@")[0]
