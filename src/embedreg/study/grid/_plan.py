"""What a study would do, before it does it."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from embedreg.heads import HEADS
from embedreg.study.grid._cells import Cell, cells_of
from embedreg.study.grid._profiles import profiles_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from embedreg.study.grid._cells import Item
    from embedreg.study.grid._spec import StudySpec
    from embedreg.study.grid._store import StudyStore

_SECONDS_A_REPRESENTATION: Final = 0.2  # serialising, reading the cache, smoothness
_SECONDS_A_TEXT: Final = 0.02  # a text of 100 tokens by minilm
_ROWS: Final = 500  # of a split whose training rows are the 400 that a head's `seconds` are for
HOW_TO_MEND_ABSENCE: Final = (
    "`embedreg tasks list` says where they come from: name the directory that has their files in EMBEDREG_DATA, "
    "or leave them out with --skip-missing"
)


@dataclass(frozen=True, eq=False)
class Plan:
    """A study's cells, and which of them are finished.

    Cells whose representations or heads are equal but for their names have one key: they are counted and run once.

    Attributes
    ----------
    cells
        All of them, under each name.
    keys
        Of each cell, in the same order.
    done
        Keys of finished cells.
    failed
        Messages by key of those that failed when last tried.
    seconds
        What the others are likely to take, on a machine like the one the store's fits were made on.
    texts
        How many texts the others ask for at most; those in the cache are not embedded again.
    absent
        How many unfinished cells have a task whose data are not on this machine, by the task's name. `seconds` and
        `texts` leave them out.
    profiles, profiles_left
        How many distance profiles there are, and how many of them are to be measured.
    """

    cells: list[Cell]
    keys: list[str]
    done: set[str]
    failed: dict[str, str]
    seconds: float
    texts: int
    absent: dict[str, int] = field(default_factory=dict)
    profiles: int = 0
    profiles_left: int = 0

    def left(self) -> list[tuple[str, Cell]]:
        """Return the cells to run, with their keys; those of absent tasks among them."""
        return list(_unfinished(self.keys, self.cells, self.done).items())

    def left_here(self) -> list[tuple[str, Cell]]:
        """Return the cells to run whose tasks are on this machine."""
        return [(key, cell) for key, cell in self.left() if cell.item.task.name not in self.absent]

    def __str__(self) -> str:
        left = len(self.left())
        lines = [
            f"cells: {left + len(self.done)}, finished: {len(self.done)}, to run: {left}",
            *(
                [f"distance profiles: {self.profiles}, to measure: {self.profiles_left}"]
                if self.profiles
                else []
            ),
            f"texts to embed: at most {self.texts:,} (those in the cache are not embedded again)",
            f"time: about {_words(self.seconds)}",
        ]
        if self.failed:
            lines.append(
                f"failed when last tried: {len(self.failed)}, such as: {next(iter(self.failed.values()))}"
            )
        if self.absent:
            lines.append(f"not here: {self.absent_tasks()}; {HOW_TO_MEND_ABSENCE}")
        return "\n".join(lines)

    def absent_tasks(self) -> str:
        """Return in words which tasks are not on this machine, and how many cells that is."""
        tasks, cells = len(self.absent), sum(self.absent.values())
        return f"the data of {tasks} task{'s' * (tasks > 1)} ({cells} cells): {', '.join(self.absent)}"


def items_with_texts_of_their_own(cells: Sequence[Cell]) -> list[Item]:
    """Return items of embeddings, one of those that share all texts: functions of one dimension share their points."""
    found = {}
    for cell in cells:
        item = cell.item
        if item.representation.kind == "embedding":
            data = item.task.dof if item.task.kind == "bbob" else item.task.name
            found[item.representation.name, data, item.rows, item.seed] = item
    return list(found.values())


def plan_study(spec: StudySpec, store: StudyStore) -> Plan:
    """Return the plan of a study, given what its store holds. Fits nothing and embeds nothing.

    Raises
    ------
    UsageError
        If a task, model or setting is unknown.
    """
    cells = cells_of(spec)
    keys = [cell.key() for cell in cells]
    rows = store.get("cells", keys)
    failures = store.get("failures", keys)
    left = list(_unfinished(keys, cells, rows).values())
    absent = _absent(left)
    left = [cell for cell in left if cell.item.task.name not in absent]
    items = {(c.item.representation.name, c.item.task.name, c.item.rows, c.item.seed) for c in left}
    texts = sum(item.rows for item in items_with_texts_of_their_own(left))
    profiles = {profile.key(): profile for profile in profiles_of(spec)}
    measured = store.get("profiles", profiles)
    profiles_left = [profile for key, profile in profiles.items() if key not in measured]
    texts += sum(1 + len(profile.spec.radii) * profile.spec.samples for profile in profiles_left)
    seconds = _fit_seconds(left, rows) + len(items) * _SECONDS_A_REPRESENTATION + texts * _SECONDS_A_TEXT
    failed = {key: str(row["error"]) for key, row in failures.items() if key not in rows}
    return Plan(cells, keys, set(rows), failed, seconds, texts, absent, len(profiles), len(profiles_left))


def _unfinished(keys: Sequence[str], cells: Sequence[Cell], done: Collection[str]) -> dict[str, Cell]:
    """Return the cells to run by key, under the first of their names."""
    left: dict[str, Cell] = {}
    for key, cell in zip(keys, cells, strict=True):
        if key not in done:
            left.setdefault(key, cell)
    return left


def _absent(cells: Sequence[Cell]) -> dict[str, int]:
    """Return how many cells each task has that is not on this machine."""
    tasks = {cell.item.task.name: cell.item.task for cell in cells}
    missing = {name for name, task in tasks.items() if not task.is_here()}
    return dict(Counter(cell.item.task.name for cell in cells if cell.item.task.name in missing))


def _fit_seconds(cells: list[Cell], finished: dict[str, dict[str, Any]]) -> float:
    """Return what the fits are likely to take: as those of the same head and representation, or head, did."""
    measured: defaultdict[tuple[str, ...], list[float]] = defaultdict(list)
    for row in finished.values():
        a_row = row["seconds"] / row["rows"]
        measured[row["head"], row["representation"]].append(a_row)
        measured[row["head"],].append(a_row)
    medians = {like: statistics.median(seconds) for like, seconds in measured.items()}
    total = 0.0
    for cell in cells:
        head, representation = cell.head.name, cell.item.representation.name
        default = HEADS[cell.head.kind].seconds / _ROWS
        total += cell.item.rows * medians.get((head, representation), medians.get((head,), default))
    return total


def _words(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 90 * 60 else f"{seconds / 3600:.1f} hours"
