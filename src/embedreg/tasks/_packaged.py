"""Real tasks that come with the package."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

from embedreg.core.errors import unknown_name


@dataclass(frozen=True)
class PackagedTask:
    """A task that comes with the package.

    Attributes
    ----------
    name
        For `packaged_task`.
    file
        Its file.
    target
        The column to predict.
    summary
        What is predicted from what.
    licence, source
        Whose it is.
    sha256
        Of the file.
    """

    name: str
    file: str
    target: str
    summary: str
    licence: str
    source: str
    sha256: str


_TASKS: Final = (
    PackagedTask(
        name="mysql_knobs",
        file="mysql_knobs.jsonl.gz",
        target="y",
        summary="throughput of a MySQL server (transactions a second) from 21 of its settings",
        licence="MIT",
        source="https://github.com/Blairruc-pku/OpAdviser",
        sha256="84f543073a1e61ca97495bb67cd503b8c67758a595b5a8425e5ac1999736e301",
    ),
)


def packaged_tasks() -> tuple[PackagedTask, ...]:
    """Return what tasks come with the package.

    Examples
    --------
    >>> [task.name for task in packaged_tasks()]
    ['mysql_knobs']
    """
    return _TASKS


def packaged_task(name: str) -> Path:
    """Return the path of a task's file.

    Raises
    ------
    UsageError
        If there is no such task.

    Examples
    --------
    >>> packaged_task("mysql_knobs").name
    'mysql_knobs.jsonl.gz'
    """
    files = {task.name: task.file for task in _TASKS}
    if name not in files:
        raise unknown_name("packaged task", name, files)
    return Path(str(resources.files("embedreg.tasks") / "data" / files[name]))
