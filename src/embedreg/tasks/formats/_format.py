"""What a file format offers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    import pyarrow as pa

    from embedreg.core.errors import DataError
    from embedreg.core.records import Value
    from embedreg.tasks.formats._source import Source

Cells: TypeAlias = dict[str, Any]
"""A row's cells by column name, as the file has them: in CSV every cell is a str."""


class Row(NamedTuple):
    """A row of a file.

    Attributes
    ----------
    number
        From 1; a header and blank lines are not counted.
    line
        Line of the file on which it begins, from 1, in text formats.
    cells
        As the file has them. What a cell means is `Format.value(cell)`.
    """

    number: int
    line: int | None
    cells: Cells

    @property
    def place(self) -> str:
        """Return where the row is, in words."""
        return f"row {self.number}" if self.line is None else f"row {self.number} (line {self.line})"


class Writer(Protocol):
    """Writes rows as they come."""

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write the cells of some rows."""
        ...


class Format(Protocol):
    """Reads and writes rows in bounded memory."""

    @property
    def name(self) -> str:
        """Return the name for messages."""
        ...

    @property
    def is_text(self) -> bool:
        """Return whether it is lines of text, which may be gzipped."""
        ...

    def columns(self, path: Path) -> tuple[str, ...] | None:
        """Return the column names, or None if each row has its own."""
        ...

    def rows(self, path: Path) -> Iterator[Row]:
        """Yield every row, in order."""
        ...

    def value(self, cell: Any) -> Value:
        """Return what a cell means: None for a missing one, and the number that a CSV cell writes."""
        ...

    def schema(self, path: Path) -> pa.Schema | None:
        """Return the columns' types, or None if the file does not state any."""
        ...

    def doubt(self, names: Collection[str], path: Path) -> DataError | None:
        """Return what seems wrong with a file of these columns that lacks one that is needed, or None."""
        ...

    def writer(
        self, file: BinaryIO, like: Source, added: Mapping[str, pa.DataType]
    ) -> AbstractContextManager[Writer]:
        """Open a writer of rows like those of `like` with `added` columns, given by name and type.

        `file` stays open.
        """
        ...
