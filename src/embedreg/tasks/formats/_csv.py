"""Comma-separated and tab-separated values (RFC 4180)."""

from __future__ import annotations

import contextlib
import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Final, TextIO

from embedreg.core.errors import DataError
from embedreg.tasks.formats._cells import cell_text, cell_value
from embedreg.tasks.formats._delimiters import other_delimiter
from embedreg.tasks.formats._format import Row
from embedreg.tasks.formats._names import unique_names
from embedreg.tasks.formats._text_file import open_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from embedreg.core.records import Value
    from embedreg.tasks.formats._source import Source

_LONGEST_CELL: Final = 2**31 - 1  # the csv module's own 131,072 characters would stop at a long document


@dataclass(frozen=True)
class Csv:
    """Rows of cells with a header, in quotes where needed. Blank lines do not count.

    Attributes
    ----------
    name
        For messages.
    delimiter
        What stands between two cells.
    """

    name: str
    delimiter: str
    is_text: ClassVar[bool] = True

    def columns(self, path: Path) -> tuple[str, ...]:
        """Return the header."""
        with open_text(path, newline="") as file:
            return self._header(self._lines(file, path), path)

    def rows(self, path: Path) -> Iterator[Row]:
        """Yield every row; each cell is a str."""
        with open_text(path, newline="") as file:
            lines = self._lines(file, path)
            header = self._header(lines, path)
            for number, (line, cells) in enumerate(lines, 1):
                if len(cells) != len(header):
                    raise _ragged(path, line, len(cells), len(header), self.delimiter)
                yield Row(number, line, dict(zip(header, cells, strict=True)))

    def value(self, cell: str | None) -> Value:
        """Return what a cell means; see `cell_value`."""
        return None if cell is None else cell_value(cell)

    def schema(self, path: Path) -> None:
        """Return None: the file states no types."""

    def doubt(self, names: Collection[str], path: Path) -> DataError | None:
        """Return the error for a header that is one cell only because another delimiter separates it."""
        return other_delimiter(next(iter(names)), self.delimiter, path) if len(names) == 1 else None

    @contextlib.contextmanager
    def writer(self, file: BinaryIO, like: Source, added: Mapping[str, pa.DataType]) -> Iterator[_CsvWriter]:
        """Open a writer; the header is written with the first rows, or at the end if there are none."""
        writer = _CsvWriter(file, (*like.names, *added), self.delimiter)
        yield writer
        writer.write([])

    def _lines(self, file: TextIO, path: Path) -> Iterator[tuple[int, list[str]]]:
        """Yield (line on which it begins, cells) of every line that is not blank."""
        csv.field_size_limit(_LONGEST_CELL)
        reader = csv.reader(file, delimiter=self.delimiter, strict=True)
        line = 1
        try:
            for cells in reader:
                if cells:
                    yield line, cells
                line = reader.line_num + 1
        except csv.Error as error:
            if line == 1 and (doubt := other_delimiter(_first_line(path), self.delimiter, path)):
                raise doubt from error
            raise DataError(
                f"{self.name} that cannot be read in the row at line {line} of {path} ({error})",
                expected="cells with quotes or line ends in them to be quoted, and each such quote doubled",
                mend="correct that row; if it is the last, the file may be cut off",
            ) from error

    def _header(self, lines: Iterator[tuple[int, list[str]]], path: Path) -> tuple[str, ...]:
        _, header = next(lines, (0, None))
        if header is None:
            raise DataError(f"only blank lines in {path}", expected="a header and rows", mend="add a header")
        return unique_names(header, path)


class _CsvWriter:
    """Writes rows that end in a line feed.

    The csv module quotes a cell for a line end in it only if rows end in the same character. So it is given
    both, carriage return and line feed, and `_Lines` takes the first away.
    """

    def __init__(self, file: BinaryIO, columns: tuple[str, ...], delimiter: str) -> None:
        self._columns = columns
        self._csv = csv.writer(_Lines(file), delimiter=delimiter, lineterminator="\r\n")
        self._begun = False

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        if not self._begun:
            self._csv.writerow(self._columns)
            self._begun = True
        self._csv.writerows([cell_text(row.get(name)) for name in self._columns] for row in rows)


class _Lines:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, line: str) -> None:
        self._file.write((line.removesuffix("\r\n") + "\n").encode())


def _first_line(path: Path) -> str:
    with open_text(path, newline="") as file:
        return file.readline()


def _ragged(path: Path, line: int, got: int, expected: int, delimiter: str) -> DataError:
    return DataError(
        f"{got} instead of {expected} cells in the row at line {line} of {path}",
        expected="as many cells in each row as in the header",
        mend=f"put a cell with {delimiter!r} in it in quotes; if it is the last row, the file may be cut off",
    )
