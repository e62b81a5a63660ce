"""What Parquet and Arrow files share."""

from __future__ import annotations

import contextlib
import itertools
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Final

import numpy as np
import pyarrow as pa

from embedreg.core.errors import DataError, OutputError
from embedreg.core.records import native
from embedreg.tasks.formats._cells import cell_text, nan_to_none
from embedreg.tasks.formats._format import Row
from embedreg.tasks.formats._names import unique_names

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from embedreg.core.records import Value
    from embedreg.tasks.formats._source import Source

_ROWS_AT_ONCE: Final = 1000
_BYTES_AT_ONCE: Final = 8 * 2**20  # rows are written in groups of about this size
_INDEX_PREFIX: Final = "__index_level_"  # what pandas calls the column of an index that has no name


def column_names(schema: pa.Schema, path: Path) -> tuple[str, ...]:
    """Return the names of the columns. The nameless index of a pandas table is none of them."""
    return tuple(name for name in unique_names(schema.names, path) if not name.startswith(_INDEX_PREFIX))


def numbered_rows(batches: Iterable[pa.RecordBatch], path: Path) -> Iterator[Row]:
    """Yield the rows of all batches as plain Python values."""
    numbers = itertools.count(1)
    for batch in batches:
        names = unique_names(batch.schema.names, path)
        for start in range(0, batch.num_rows, _ROWS_AT_ONCE):
            part = batch.slice(start, _ROWS_AT_ONCE)
            columns = [_plain_column(part.column(i), name, path) for i, name in enumerate(names)]
            for cells, number in zip(zip(*columns, strict=True), numbers, strict=False):
                yield Row(number, None, dict(zip(names, cells, strict=True)))


class Columnar(ABC):
    """Typed columns. A NaN cell is missing."""

    name: ClassVar[str]
    is_text: ClassVar[bool] = False

    @abstractmethod
    def schema(self, path: Path) -> pa.Schema:
        """Return the columns' types."""

    @abstractmethod
    def batches(self, path: Path) -> AbstractContextManager[Iterator[pa.RecordBatch]]:
        """Open a file and return what is in it, in parts."""

    def columns(self, path: Path) -> tuple[str, ...]:
        """Return the column names."""
        return column_names(self.schema(path), path)

    def rows(self, path: Path) -> Iterator[Row]:
        """Yield every row as plain Python values."""
        with self.batches(path) as batches:
            yield from numbered_rows(batches, path)

    def value(self, cell: Any) -> Value:
        """Return the cell; NaN is missing."""
        return nan_to_none(cell)

    def doubt(self, names: Collection[str], path: Path) -> None:  # noqa: B027 (no subclass has to have one)
        """Return None: the file states its columns."""


@contextlib.contextmanager
def reading(path: Path, name: str) -> Iterator[None]:
    """Turn Arrow's errors while reading into one that says how to mend it."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{path}, which cannot be read as {name} ({_first_line(error)})",
            expected=f"a whole {name} file",
            mend="write or copy it again; it may be cut off, or of another format than its name says",
        ) from error


@contextlib.contextmanager
def columnar_writer(
    open_sink: Callable[[BinaryIO, pa.Schema], Any],
    file: BinaryIO,
    like: Source,
    added: Mapping[str, pa.DataType],
    schema: pa.Schema,
) -> Iterator[ColumnarWriter]:
    """Open a writer of rows like those of `like`, whose types are `schema`, with `added` columns."""
    for name, kind in added.items():
        schema = schema.append(pa.field(name, kind))
    with _writing():
        sink = open_sink(file, schema)
    with sink:
        writer = ColumnarWriter(sink, schema, _converters(like))
        yield writer
        writer.flush()


class ColumnarWriter:
    """Collects rows to groups of some megabytes, as small groups make a columnar file large and slow."""

    def __init__(self, sink: Any, schema: pa.Schema, converters: Mapping[str, Callable[[Any], Any]]) -> None:
        self._sink = sink
        self._schema = schema
        self._converters = converters
        self._held: list[pa.RecordBatch] = []

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write the cells of some rows."""
        with _writing():
            arrays = [self._array(field, rows) for field in self._schema]
            self._held.append(pa.record_batch(arrays, schema=self._schema))
        if sum(batch.nbytes for batch in self._held) >= _BYTES_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write what is held."""
        with _writing():
            self._sink.write_table(pa.Table.from_batches(self._held, schema=self._schema))
        self._held = []

    def _array(self, field: pa.Field, rows: Sequence[Mapping[str, Any]]) -> pa.Array:
        cells = [row.get(field.name) for row in rows]
        if field.name in self._converters:
            cells = [self._converters[field.name](cell) for cell in cells]
        return pa.array(cells, type=field.type)


def _converters(like: Source) -> dict[str, Callable[[Any], Any]]:
    """Return what brings cells to their column's type, when the file they come from stated none."""
    if like.format.schema(like.path) is not None:
        return {}
    return {
        field.name: _text_or_none if pa.types.is_string(field.type) else like.value for field in like.schema
    }


def _text_or_none(cell: Any) -> str | None:
    return None if cell is None else cell_text(cell)


@contextlib.contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OverflowError) as error:
        raise OutputError(
            f"values that a columnar file cannot hold ({_first_line(error)})",
            expected="one type a column",
            mend="write to .jsonl or .csv instead",
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]  # Arrow adds details in further lines


def _plain_column(array: pa.Array, name: str, path: Path) -> list[Any]:
    try:
        kind, cells = array.type, _in_microseconds(array).to_pylist()
    except (ValueError, OverflowError) as error:  # Arrow's own are among them
        raise DataError(
            f"values in column {name!r} of {path} that Python has no form for ({_first_line(error)})",
            expected="times of whole microseconds in the years 1 to 9999, and structs with each name once",
            mend="round the column, write it as text, or drop it",
        ) from error
    return [_plain(cell, kind) for cell in cells] if _has_plain_form(kind) else cells


def _in_microseconds(array: pa.Array) -> pa.Array:
    kind = array.type
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        return array.cast(pa.timestamp("us", kind.tz))
    if pa.types.is_duration(kind) and kind.unit == "ns":
        return array.cast(pa.duration("us"))
    if pa.types.is_time64(kind) and kind.unit == "ns":
        return array.cast(pa.time64("us"))
    return array


def _has_plain_form(kind: pa.DataType) -> bool:
    return bool(pa.types.is_nested(kind) or pa.types.is_float32(kind) or pa.types.is_float16(kind))


def _plain(cell: Any, kind: pa.DataType) -> Any:
    """Make a dict of a map, and of a narrow float the shortest number that names it, not 0.10000000149."""
    if cell is None:
        return None
    if pa.types.is_float32(kind):
        return native(np.float32(cell))
    if pa.types.is_float16(kind):
        return native(np.float16(cell))
    if pa.types.is_map(kind):
        return {str(key): _plain(value, kind.item_type) for key, value in cell}
    if pa.types.is_struct(kind):
        return {field.name: _plain(cell[field.name], field.type) for field in kind}
    return [_plain(item, kind.value_type) for item in cell] if isinstance(cell, list) else cell
