"""The cells of a study, and the key under which each one's result is kept."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from embedreg.core.errors import UsageError
from embedreg.features import TabularFeatures
from embedreg.heads import HEADS
from embedreg.tasks import select_tasks
from embedreg.text_embedder import TextEmbedder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from embedreg.core.protocols import Json
    from embedreg.study.grid._spec import HeadSpec, RepresentationSpec, StudySpec
    from embedreg.tasks import Task

# To be raised when a change of the code changes numbers: results under the old number are then computed anew.
# A head has a number of its own, and so has an embedder's fingerprint.
_VERSIONS: Final[dict[str, int]] = {
    "split": 1,
    "metrics": 1,
    "smoothness": 1,
    "tabular": 1,
}


@dataclass(frozen=True, eq=False)
class Item:
    """What heads are fitted to: a task's rows of one seed, as vectors.

    Attributes
    ----------
    task, representation
        What is represented, and how.
    rows, seed
        How many rows are sampled, and the seed of sample and split.
    """

    task: Task
    representation: RepresentationSpec
    rows: int
    seed: int

    def identity(self) -> dict[str, Any]:
        """Return everything that decides the vectors and targets."""
        return {
            "task": {"name": self.task.name, **self.task.identity()},
            "representation": representation_identity(self.representation),
            "rows": self.rows,
            "seed": self.seed,
            "split": _VERSIONS["split"],
        }

    def smoothness_key(self) -> str:
        """Return the key of its smoothness."""
        return digest(self.identity() | {"smoothness": _VERSIONS["smoothness"]})


@dataclass(frozen=True, eq=False)
class Cell:
    """One fit and its scores."""

    item: Item
    head: HeadSpec

    def name(self) -> tuple[str, str, int, int, str]:
        """Return what tells it from a study's other cells: representation, task, rows, seed, head."""
        item = self.item
        return (item.representation.name, item.task.name, item.rows, item.seed, self.head.name)

    def key(self) -> str:
        """Return a digest of everything that decides its numbers."""
        head = {"head": self.head.identity(), "version": HEADS[self.head.kind].version}
        return digest(self.item.identity() | head | {"metrics": _VERSIONS["metrics"]})


def cells_of(spec: StudySpec) -> list[Cell]:
    """Return every cell of a study once, in the order in which they are best run: a representation at a time.

    Raises
    ------
    UsageError
        If a pattern selects no task, or two different tasks have one name.
    """
    known: dict[str, Task] = {}
    found: dict[tuple[str, str, int, int, str], Cell] = {}
    for block in spec.blocks:
        tasks = select_tasks(block.tasks)
        for task in tasks:
            if known.setdefault(task.name, task) != task:
                raise UsageError(
                    f"two different tasks {task.name!r} in two blocks of the study {spec.name!r}",
                    expected="a name for each",
                    mend="rename the suite or the file of one",
                )
        for cell in _grid(block.representations, block.rows, tasks, block.seeds, block.heads):
            found.setdefault(cell.name(), cell)
    return list(found.values())


def _grid(
    representations: Sequence[RepresentationSpec],
    sizes: Sequence[int],
    tasks: Sequence[Task],
    seeds: Sequence[int],
    heads: Sequence[HeadSpec],
) -> Iterator[Cell]:
    for representation in representations:
        for rows in sizes:
            for task in tasks:
                for seed in seeds:
                    for head in heads:
                        yield Cell(Item(task, representation, rows, seed), head)


def text_embedder(representation: RepresentationSpec) -> TextEmbedder:
    """Return the way from a record to its embedding."""
    return TextEmbedder(**representation.settings)


def representation_identity(representation: RepresentationSpec) -> dict[str, Json]:
    """Return everything that decides a record's vector.

    Raises
    ------
    UsageError
        If its settings cannot be meant.
    """
    settings = json.dumps(representation.settings, sort_keys=True)
    try:
        return _representation_identity(representation.kind, settings)
    except UsageError as error:
        got = f"{error.got}, for representation {representation.name!r}"
        raise type(error)(got, expected=error.expected, mend=error.mend) from error


@functools.lru_cache(maxsize=256)
def _representation_identity(kind: str, settings: str) -> dict[str, Json]:
    if kind == "tabular":
        parameters = {k: v for k, v in TabularFeatures().get_params().items() if k != "random_state"}
        return {"kind": kind, "version": _VERSIONS["tabular"], "parameters": parameters}
    embedder = TextEmbedder(**json.loads(settings)).restore()
    return {
        "kind": kind,
        "embedder": dict(embedder.embedder_.fingerprint()),
        "serializer": embedder.serializer_.settings(),
    }


def digest(value: Any) -> str:
    """Return a digest of JSON values that changes when they do."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]
