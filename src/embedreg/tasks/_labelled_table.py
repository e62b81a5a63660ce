"""A file of records with their target, read whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from embedreg.core.errors import UsageError
from embedreg.core.files import sha256_of
from embedreg.tasks._input_spec import InputSpec, check_columns
from embedreg.tasks._resolve_input import resolve_input
from embedreg.tasks._stream import read_records
from embedreg.tasks._target import Target
from embedreg.tasks.formats import open_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from embedreg.core.records import Record


@dataclass(frozen=True, eq=False)
class LabelledTable:
    """Records and the number that belongs to each.

    Attributes
    ----------
    records
        n texts or n mappings.
    y
        The target, shape (n,); every value is finite, and not all are the same.
    spec
        What of a row is the record.
    path, sha256
        The file and its hash.
    columns
        Every column of the file.
    """

    records: list[Record]
    y: NDArray[np.float64]
    spec: InputSpec
    path: Path
    sha256: str
    columns: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.records)


def load_labelled(
    path: Path | str,
    target: str,
    *,
    text: str | None = None,
    columns: Sequence[str] | None = None,
    spec: InputSpec | None = None,
) -> LabelledTable:
    """Read records and their target, and refuse what cannot be learnt from.

    Parameters
    ----------
    path
        A CSV, TSV, JSON Lines, Parquet or Arrow/Feather file; the text formats may be gzipped.
    target
        The column to predict.
    text, columns
        What the input is; see `resolve_input`.
    spec
        The input of a saved model, instead of `text` and `columns`.

    Raises
    ------
    UsageError
        If there is no such file, or it has no such column.
    DataError
        If it cannot be read, has no rows, a text is blank, or the target is not finite numbers that vary.

    Examples
    --------
    >>> from embedreg.tasks import packaged_task
    >>> table = load_labelled(packaged_task("mysql_knobs"), "y")
    >>> len(table), table.spec.describe(), table.records[0]["max_connections"]
    (710, "the mapping in column 'x'", 1000)
    """
    path = Path(path)
    if spec is None:
        spec = resolve_input(path, target=target, text=text, columns=columns)
    elif text is not None or columns is not None:
        raise UsageError("a saved input and another input", expected="one of the two", mend="leave out one")
    source = open_source(path)
    check_columns([target], source.names, path)
    numbers = Target(target, path)
    records: list[Record] = []
    for rows, batch in read_records(source, spec):
        records += batch if target == spec.target else [spec.without(record, target) for record in batch]
        for row in rows:
            numbers.add(row, source.value(row.cells.get(target)))
    return LabelledTable(records, numbers.array(), spec, path, sha256_of(path), source.names)
