"""Arrow IPC: the file format, which Feather version 2 is, and the stream format."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, ClassVar, Final

import pyarrow as pa

from embedreg.tasks.formats._columnar import Columnar, ColumnarWriter, columnar_writer, reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from embedreg.tasks.formats._source import Source

_FILE_MAGIC: Final = b"ARROW1"


@dataclass(frozen=True)
class Arrow(Columnar):
    """Arrow IPC."""

    name: ClassVar[str] = "Arrow"

    @contextlib.contextmanager
    def batches(self, path: Path) -> Iterator[Iterator[pa.RecordBatch]]:
        """Open a file and return its batches."""
        with self._open(path) as (_, batches):
            yield batches

    def schema(self, path: Path) -> pa.Schema:
        """Return the columns' types."""
        with self._open(path) as (schema, _):
            return schema

    def writer(
        self, file: BinaryIO, like: Source, added: Mapping[str, pa.DataType]
    ) -> AbstractContextManager[ColumnarWriter]:
        """Open a writer of the file format."""
        return columnar_writer(pa.ipc.new_file, file, like, added, _without_dictionaries(like.schema))

    @contextlib.contextmanager
    def _open(self, path: Path) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
        with reading(path, self.name), pa.OSFile(str(path)) as file:
            is_file = file.read(len(_FILE_MAGIC)) == _FILE_MAGIC
            file.seek(0)
            with pa.ipc.open_file(file) if is_file else pa.ipc.open_stream(file) as reader:
                yield reader.schema, _batches(reader)


def _batches(reader: pa.RecordBatchFileReader | pa.RecordBatchStreamReader) -> Iterator[pa.RecordBatch]:
    if isinstance(reader, pa.RecordBatchFileReader):
        return map(reader.get_batch, range(reader.num_record_batches))
    return iter(reader)


def _without_dictionaries(schema: pa.Schema) -> pa.Schema:
    """Make plain columns of categories: in the file format every batch would need the very same ones."""
    for i, field in enumerate(schema):
        if pa.types.is_dictionary(field.type):
            schema = schema.set(i, field.with_type(field.type.value_type))
    return schema
