"""Runs in one JSON file: the last of each part, model and machine, and those that were to be kept beside it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from embedreg.core.files import make_folder, whole_file

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.speed._options import Row

_MACHINE = ("cpu", "instructions", "cores", "threads", "gpu")


@dataclass(frozen=True)
class Run:
    """A part as it was measured on one machine.

    Attributes
    ----------
    part
        Its name.
    machine
        Processor, threads, versions, date.
    settings
        Of the run, its load before and after among them.
    rows
        Raw: seconds of every pair.
    left_out
        By name, why something was not measured.
    """

    part: str
    machine: dict[str, Any]
    settings: Row
    rows: list[Row]
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def subject(self) -> tuple[Any, ...]:
        """What tells it from runs that it does not take the place of: part, model, machine."""
        return self.part, self.settings.get("model"), *(self.machine.get(name, "") for name in _MACHINE)


def read(path: Path) -> list[Run]:
    """Return the runs of a file, none if it is not there."""
    return [Run(**run) for run in json.loads(path.read_text())] if path.is_file() else []


def keep(path: Path, run: Run, *, beside: bool = False) -> None:
    """Write a run to the file, in the place of those of the same subject, or after them where it is kept beside them."""
    others = [kept for kept in read(path) if beside or kept.subject != run.subject]
    make_folder(path.parent)
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps([asdict(kept) for kept in [*others, run]], indent=1) + "\n")
