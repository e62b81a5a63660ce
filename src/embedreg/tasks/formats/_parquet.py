"""Apache Parquet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Final

import pyarrow.parquet as pq

from embedreg.tasks.formats._cells import nan_to_none
from embedreg.tasks.formats._columnar import (
    ColumnarWriter,
    column_names,
    columnar_writer,
    numbered_rows,
    reading,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    import pyarrow as pa

    from embedreg.core.records import Value
    from embedreg.tasks.formats._format import Row
    from embedreg.tasks.formats._source import Source

_ROWS_AT_ONCE: Final = 1000
_READ_BYTES: Final = 2**20  # without a buffer a whole row group would be read at once


@dataclass(frozen=True)
class Parquet:
    """Typed columns. A NaN cell is missing."""

    name: ClassVar[str] = "Parquet"
    is_text: ClassVar[bool] = False

    def columns(self, path: Path) -> tuple[str, ...]:
        """Return the column names."""
        return column_names(self.schema(path), path)

    def rows(self, path: Path) -> Iterator[Row]:
        """Yield every row as plain Python values."""
        with (
            reading(path, self.name),
            pq.ParquetFile(path, buffer_size=_READ_BYTES, pre_buffer=False) as file,
        ):
            yield from numbered_rows(file.iter_batches(_ROWS_AT_ONCE), path)

    def value(self, cell: Any) -> Value:
        """Return the cell; NaN is missing."""
        return nan_to_none(cell)

    def schema(self, path: Path) -> pa.Schema:
        """Return the columns' types."""
        with reading(path, self.name):
            return pq.read_schema(path)

    def writer(
        self, file: BinaryIO, like: Source, added: Mapping[str, pa.DataType]
    ) -> AbstractContextManager[ColumnarWriter]:
        """Open a writer."""
        return columnar_writer(pq.ParquetWriter, file, like, added, like.schema)
