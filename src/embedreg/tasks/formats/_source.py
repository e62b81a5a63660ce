"""A file of rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from embedreg.core.errors import DataError, UsageError
from embedreg.tasks.formats._registry import format_of
from embedreg.tasks.formats._schema import inferred_schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

    from embedreg.core.records import Value
    from embedreg.tasks.formats._format import Format, Row


@dataclass(frozen=True)
class Source:
    """A file of rows and its format.

    Attributes
    ----------
    path
        An existing file that is not empty.
    format
        How it is read.
    """

    path: Path
    format: Format

    def rows(self) -> Iterator[Row]:
        """Yield every row, in order."""
        return self.format.rows(self.path)

    def value(self, cell: Any) -> Value:
        """Return what a cell means."""
        return self.format.value(cell)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns, in order; for JSON Lines every name that any row has, which takes reading it once."""
        return self._names_and_common[0]

    @property
    def common_names(self) -> frozenset[str]:
        """The columns that every row has."""
        return self._names_and_common[1]

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns' types: as the file states, or else as its values are, which takes reading it once."""
        return self.format.schema(self.path) or inferred_schema(self.rows(), self.names, self.value)

    @cached_property
    def _names_and_common(self) -> tuple[tuple[str, ...], frozenset[str]]:
        columns = self.format.columns(self.path)
        if columns is not None:
            return columns, frozenset(columns)
        met: dict[str, int] = {}  # how many rows have the name; a dict keeps the order of first appearance
        count = 0
        for row in self.rows():
            count = row.number
            for name in row.cells:
                met[name] = met.get(name, 0) + 1
        if not count:
            raise no_rows(self.path)
        return tuple(met), frozenset(name for name, rows in met.items() if rows == count)


def no_rows(path: Path) -> DataError:
    """Return the error for a file without rows."""
    return DataError(
        f"no rows in {path}", expected="at least one row", mend="check what was to write the file"
    )


def open_source(path: Path) -> Source:
    """Return the file of rows at `path`, which is not read yet.

    Raises
    ------
    UsageError
        If there is no such file, it is a directory, or its name says no known format.
    DataError
        If it is empty.
    """
    if not path.exists():
        raise UsageError(
            f"no file {path}", expected="a file that exists", mend="check the path and the folder you are in"
        )
    if path.is_dir():
        raise UsageError(f"the directory {path}", expected="one file", mend="name a file in it")
    found = Source(path, format_of(path))
    if not path.is_file():
        raise UsageError(
            f"{path}, which is no regular file",
            expected="a file that can be read more than once",
            mend="write the data to a file first",
        )
    if path.stat().st_size == 0:
        raise DataError(
            f"an empty file {path}",
            expected=f"rows in {found.format.name}",
            mend="check what was to write it; the disk may have been full",
        )
    return found
