"""Real tasks that are known by name, read from `data/index.toml`."""

from __future__ import annotations

import functools
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from embedreg.core.errors import UsageError
from embedreg.tasks._file_task import FileTask
from embedreg.tasks._input_spec import InputSpec
from embedreg.tasks._task import Suite, TaskData

if TYPE_CHECKING:
    from collections.abc import Mapping

DATA_VARIABLE: Final = "EMBEDREG_DATA"
_PACKAGED: Final = Path(__file__).with_name("data")
_TARGET: Final = "y"
_SPECS: Final = {
    "table": InputSpec(_TARGET),
    "dict": InputSpec(_TARGET, unwrap="x"),
    "text": InputSpec(_TARGET, columns=("x",)),  # not `text`, which refuses a file for one missing text
}


@dataclass(frozen=True, kw_only=True)
class RealTask(FileTask):
    """A task of `data/index.toml`.

    Attributes
    ----------
    file
        Relative to the packaged data, or else to the directory in `EMBEDREG_DATA`.
    """

    file: str

    def path(self) -> Path:
        """Return where the file is."""
        place = self._place()
        if place is not None and place.is_file():
            return place
        raise UsageError(
            f"no {f'file {place}' if place else DATA_VARIABLE} for task {self.name!r}, which does not come with embedreg",
            expected=f"{self.file}, made from {self.source} ({self.licence}), with sha256 {self.sha256}",
            mend=f"name the directory that has it in {DATA_VARIABLE}, or leave the task out",
        )

    def is_here(self) -> bool:
        """Whether the file is packaged, or in `EMBEDREG_DATA`."""
        place = self._place()
        return place is not None and place.is_file()

    def load(self, seed: int = 0, rows: int | None = None) -> TaskData:
        """Return every row that has an input."""
        data = super().load(seed, rows)
        return _texts(data) if self.kind == "text" else data

    def _place(self) -> Path | None:
        packaged = _PACKAGED / self.file
        directory = os.environ.get(DATA_VARIABLE)
        if packaged.is_file() or not directory:
            return packaged if packaged.is_file() else None
        return Path(directory).expanduser() / self.file


def _texts(data: TaskData) -> TaskData:
    """Take the texts out of their column, without rows whose text is missing."""
    cells = [record["x"] if not isinstance(record, str) else record for record in data.records]
    kept = [row for row, cell in enumerate(cells) if isinstance(cell, str)]
    return TaskData([str(cells[row]) for row in kept], data.y[kept])


@functools.cache
def real_suites() -> tuple[Suite, ...]:
    """Return the suites of the index, in its order."""
    index = tomllib.loads((_PACKAGED / "index.toml").read_text(encoding="utf-8"))
    return tuple(_suite(name, entry, index["origins"]) for name, entry in index["suites"].items())


def _suite(name: str, entry: Mapping[str, Any], origins: Mapping[str, Mapping[str, str]]) -> Suite:
    tasks = tuple(_task(name, line, origins[line["origin"]]) for line in entry["tasks"])
    return Suite(name, entry["description"], tasks)


def _task(suite: str, line: Mapping[str, Any], origin: Mapping[str, str]) -> RealTask:
    kind = line["kind"]
    suffix = "parquet" if kind == "table" else "jsonl.gz"
    return RealTask(
        name=f"{suite}/{line['name']}",
        suite=suite,
        kind=kind,
        rows=line["rows"],
        dof=line["dof"],
        summary=line["summary"],
        licence=origin["licence"],
        source=origin["source"],
        sha256=line["sha256"],
        target=_TARGET,
        spec=_SPECS[kind],
        file=line.get("file", f"{suite}/{line['name']}.{suffix}"),
    )
