"""A task whose rows are in a file."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from embedreg.core.errors import DataError
from embedreg.core.files import sha256_of
from embedreg.tasks._labelled_table import load_labelled
from embedreg.tasks._task import Task, TaskData

if TYPE_CHECKING:
    from pathlib import Path

    from embedreg.core.protocols import Json
    from embedreg.tasks._input_spec import InputSpec

_READER_VERSION: Final = 1
"""Raised when the same bytes come to give other records or numbers, so that stored results are not reused."""


@dataclass(frozen=True, kw_only=True)
class FileTask(Task):
    """A task whose rows are in a file with a known sha256.

    Attributes
    ----------
    target
        The column to predict.
    spec
        What of a row is the record.
    """

    target: str
    spec: InputSpec

    @abstractmethod
    def path(self) -> Path:
        """Return where the file is; UsageError if it is missing."""

    def identity(self) -> dict[str, Json]:
        """Return the file's hash, and what is read from it."""
        return {"sha256": self.sha256, "input": self.spec.to_json(), "reader": _READER_VERSION}

    def load(self, seed: int = 0, rows: int | None = None) -> TaskData:  # noqa: ARG002 (a file has one set of rows)
        """Return every row."""
        path = self.path()
        found = sha256_of(path)
        if found != self.sha256:
            raise DataError(
                f"sha256 {found} of {path}",
                expected=f"sha256 {self.sha256}, that of task {self.name!r}",
                mend=self._mend_changed(),
            )
        table = load_labelled(path, self.target, spec=self.spec)
        return TaskData(table.records, table.y)

    def _mend_changed(self) -> str:
        return f"put back the file as it was, made from {self.source}"
