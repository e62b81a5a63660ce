"""Reading a file of any length in bounded memory."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from embedreg.core.texts import check_texts
from embedreg.tasks._input_spec import check_columns
from embedreg.tasks.formats import no_rows, open_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from embedreg.core.records import Record
    from embedreg.tasks._input_spec import InputSpec
    from embedreg.tasks.formats import Cells, Row, Source

BATCH_ROWS: Final = 1000


@dataclass(frozen=True)
class Batch:
    """Some rows that follow each other.

    Attributes
    ----------
    rows
        Their cells by column, as the file has them, to be written out again.
    records
        What to predict from, one a row.
    """

    rows: list[Cells]
    records: list[Record]


def stream_records(path: Path, spec: InputSpec, *, batch_rows: int = BATCH_ROWS) -> Iterator[Batch]:
    """Yield a file's rows and records, batch by batch, in order. The target may be missing.

    Parameters
    ----------
    path
        A file in one of `FORMATS`.
    spec
        What of a row is the record.
    batch_rows
        How many rows are held at once.

    Raises
    ------
    UsageError
        If there is no such file, or it lacks a column of the input.
    DataError
        When the reading comes to something that cannot be used; `count_rows` finds it beforehand.

    Examples
    --------
    >>> from embedreg.tasks import InputSpec, packaged_task
    >>> batches = stream_records(packaged_task("mysql_knobs"), InputSpec("y", unwrap="x"), batch_rows=500)
    >>> [len(batch.records) for batch in batches]
    [500, 210]
    """
    for rows, records in read_records(open_source(path), spec, batch_rows):
        yield Batch([row.cells for row in rows], records)


def count_rows(path: Path, spec: InputSpec | None = None) -> int:
    """Read a file once from end to end, and return how many rows it has.

    Whatever is wrong with it is said now, and not when half of it is embedded.

    Parameters
    ----------
    path
        A file in one of `FORMATS`.
    spec
        What of a row is the record; without it only that each row can be read is checked.

    Raises
    ------
    UsageError, DataError
        Those of `stream_records`.
    """
    source = open_source(path)
    if spec is None:
        return sum(1 for _ in source.rows())
    return sum(len(records) for _, records in read_records(source, spec))


def read_records(
    source: Source, spec: InputSpec, batch_rows: int = BATCH_ROWS
) -> Iterator[tuple[list[Row], list[Record]]]:
    """Yield numbered rows and their records, batch by batch; see `stream_records`."""
    columns = source.format.columns(source.path)
    if columns is not None:
        check_columns(spec.needs(), columns, source.path, of_model=spec.is_saved)
    unmet = set(spec.needs())  # where each row has its own names, a name that no row has is a mistake
    rows = source.rows()
    is_empty = True
    while chunk := list(itertools.islice(rows, batch_rows)):
        is_empty = False
        unmet.difference_update(*(row.cells for row in chunk))
        if (
            unmet and spec.columns is None
        ):  # a text or mapping is needed in every row: which one lacks it is said below
            check_columns(sorted(unmet), source.names, source.path, of_model=spec.is_saved)
        yield chunk, _records(chunk, spec, source)
    if is_empty:
        raise no_rows(source.path)
    if unmet:
        check_columns(sorted(unmet), source.names, source.path, of_model=spec.is_saved)


def _records(rows: list[Row], spec: InputSpec, source: Source) -> list[Record]:
    records = [spec.record(row, source.value) for row in rows]
    if spec.text is not None:
        check_texts([str(text) for text in records], first_row=rows[0].number)
    return records
