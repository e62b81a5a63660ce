"""Apache Parquet."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, ClassVar, Final

import pyarrow.parquet as pq

from embedreg.tasks.formats._columnar import Columnar, ColumnarWriter, columnar_writer, reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    import pyarrow as pa

    from embedreg.tasks.formats._source import Source

_ROWS_AT_ONCE: Final = 1000
_READ_BYTES: Final = 2**20  # without a buffer a whole row group would be read at once


@dataclass(frozen=True)
class Parquet(Columnar):
    """Apache Parquet."""

    name: ClassVar[str] = "Parquet"

    @contextlib.contextmanager
    def batches(self, path: Path) -> Iterator[Iterator[pa.RecordBatch]]:
        """Open a file and return some rows at a time."""
        with (
            reading(path, self.name),
            pq.ParquetFile(path, buffer_size=_READ_BYTES, pre_buffer=False) as file,
        ):
            yield file.iter_batches(_ROWS_AT_ONCE)

    def schema(self, path: Path) -> pa.Schema:
        """Return the columns' types."""
        with reading(path, self.name):
            return pq.read_schema(path)

    def writer(
        self, file: BinaryIO, like: Source, added: Mapping[str, pa.DataType]
    ) -> AbstractContextManager[ColumnarWriter]:
        """Open a writer."""
        return columnar_writer(pq.ParquetWriter, file, like, added, like.schema)
