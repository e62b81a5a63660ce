"""Writing rows back with what was predicted."""

from __future__ import annotations

import contextlib
import gzip
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

import pyarrow as pa

from embedreg.core.errors import OutputError, UsageError
from embedreg.core.files import output_errors, whole_file
from embedreg.tasks.formats import FORMATS, format_of, is_gzipped, open_source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from embedreg.tasks.formats import Format, Source, Writer

_COMPRESSION: Final = 6  # gzip's own default; Python's default of 9 takes far longer for a few percent
_STDOUT: Final = Path("standard output")


def output_columns(path: Path, *added: str) -> tuple[str, ...]:
    """Return a file's columns, and after them those that are to be added.

    Raises
    ------
    UsageError
        If the file has a column of that name already.
    """
    names = open_source(path).names
    for name in added:
        if name in names:
            raise UsageError(
                f"a column {name!r} to add, which {path} has already",
                expected="a name that is new",
                mend="choose another name for what is added, or leave that column out of the data",
            )
    return (*names, *added)


@contextlib.contextmanager
def open_writer(destination: Path | None, columns: Sequence[str], *, like: Path) -> Iterator[Writer]:
    """Open a writer of a file's rows with columns of numbers added; it writes all or nothing.

    Parameters
    ----------
    destination
        Its name says its format. None is standard output, where rows go as JSON Lines if they come from JSON
        Lines, and as CSV otherwise.
    columns
        Those of `like`, and those to be added; see `output_columns`.
    like
        The file that the rows come from. CSV cells go to CSV as they stand there; to other formats they go as
        what they mean, or as text where a column has no one type.

    Raises
    ------
    UsageError
        If the format is unknown.
    OutputError
        If it cannot be written, or cannot hold the values.
    """
    source = open_source(like)
    added = {name: pa.float64() for name in columns if name not in source.names}
    with row_writer(destination, source, added) as writer:
        yield writer


@contextlib.contextmanager
def row_writer(
    destination: Path | None, source: Source, added: Mapping[str, pa.DataType]
) -> Iterator[Writer]:
    """Open a writer of rows like those of `source` with added columns of the given types."""
    if destination is None:
        if sys.stdout is None:  # it was closed before this process began
            raise OutputError(
                "a closed standard output", expected="somewhere to write to", mend="give -o FILE"
            )
        stdout = sys.stdout.buffer
        with output_errors(_STDOUT):
            with _stdout_format(source).writer(stdout, source, added) as writer:
                yield writer
            stdout.flush()
        return
    written = format_of(destination, to_write=True)
    with _open_file(destination) as file, written.writer(file, source, added) as writer:
        yield writer


def _stdout_format(source: Source) -> Format:
    return FORMATS[".jsonl"] if source.format == FORMATS[".jsonl"] else FORMATS[".csv"]


@contextlib.contextmanager
def _open_file(destination: Path) -> Iterator[BinaryIO]:
    with whole_file(destination) as path, path.open("wb") as file:
        if not is_gzipped(destination):
            yield file
            return
        # no name and no time inside: the same rows give the same bytes
        with gzip.GzipFile("", "wb", _COMPRESSION, fileobj=file, mtime=0) as packed:
            yield cast("BinaryIO", packed)
