"""The table of suites in docs/tasks.md."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from embedreg.tasks import Suite, suites

if TYPE_CHECKING:
    from collections.abc import Iterable

_PLACE = re.compile(r"(<!-- suites: written by .*? -->\n).*?(<!-- suites: end -->)", flags=re.DOTALL)


def with_suites_table(page: str) -> str:
    """Return the page with the table between its marks written anew."""
    os.environ.pop("EMBEDREG_DATA", None)  # the page tells what comes with the package
    rows = [
        "| suite | what | tasks | with the package | rows | dof | licence |",
        "|---|---|---|---|---|---|---|",
    ]
    rows += [_row(suite) for suite in suites()]
    return _PLACE.sub(lambda marks: marks[1] + "\n".join(rows) + "\n" + marks[2], page)


def _row(suite: Suite) -> str:
    tasks = suite.tasks
    is_made = tasks[0].rows is None
    cells = [
        f"`{suite.name}`",
        suite.description,
        f"{len({task.name.partition('@')[0] for task in tasks})}{' at any dof' if is_made else ''}",
        "made" if is_made else str(sum(task.is_here() for task in tasks)),
        "any" if is_made else _range(task.rows or 0 for task in tasks),
        "from 2" if is_made else _range(task.dof for task in tasks),
        ", ".join(sorted({task.licence for task in tasks})),
    ]
    return f"| {' | '.join(cells)} |"


def _range(numbers: Iterable[int]) -> str:
    low, *_, high = sorted([*numbers] * 2)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
