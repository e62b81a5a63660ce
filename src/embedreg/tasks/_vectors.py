"""Writing embeddings."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol

import numpy as np
import pyarrow as pa

from embedreg.core.errors import UsageError
from embedreg.core.files import whole_file
from embedreg.tasks._output import output_columns, row_writer
from embedreg.tasks.formats import FORMATS, open_source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from embedreg.tasks.formats import Writer

COLUMN: Final = "embedding"
_HEADER_BYTES: Final = 128


class VectorWriter(Protocol):
    """Writes vectors as they come."""

    def write(self, vectors: NDArray[np.floating[Any]], rows: Sequence[Mapping[str, Any]]) -> None:
        """Write vectors of shape (n, d), and the n rows that they belong to where the format has columns."""
        ...


@contextlib.contextmanager
def write_vectors(
    destination: Path, dimension: int, *, like: Path, column: str = COLUMN
) -> Iterator[VectorWriter]:
    """Open a writer of float32 vectors, which holds no more than a batch of them and writes all or nothing.

    Parameters
    ----------
    destination
        A `.npy` file, which holds an array of shape (n, d), or a Parquet or Arrow file, which holds the
        columns of `like` and one more, of fixed-size lists.
    dimension
        The length d of a vector.
    like
        The file that the rows come from.
    column
        The name of the one more.

    Raises
    ------
    UsageError
        If the output's format is another, or the file has a column of that name already.
    OutputError
        If it cannot be written.
    """
    suffix = destination.suffix.lower()
    if suffix == ".npy":
        with whole_file(destination) as path, path.open("wb") as file:
            writer = _NpyWriter(file, dimension)
            yield writer
            writer.finish()
        return
    if suffix not in FORMATS or FORMATS[suffix].is_text:
        columnar = [name for name, form in FORMATS.items() if not form.is_text]
        raise UsageError(
            f"the file name {destination.name!r} for vectors",
            expected=f"a name that ends in one of .npy, {', '.join(columnar)}",
            mend="write .parquet, or .npy for the vectors alone",
        )
    output_columns(like, column)
    with row_writer(destination, open_source(like), {column: pa.list_(pa.float32(), dimension)}) as rows:
        yield _ColumnarVectors(rows, column)


class _ColumnarVectors:
    def __init__(self, rows: Writer, column: str) -> None:
        self._rows = rows
        self._column = column

    def write(self, vectors: NDArray[np.floating[Any]], rows: Sequence[Mapping[str, Any]]) -> None:
        narrow = vectors.astype(np.float32, copy=False)
        self._rows.write([{**row, self._column: vector} for row, vector in zip(rows, narrow, strict=True)])


class _NpyWriter:
    """Writes numpy's own format with a header of fixed length, which is written again when n is known."""

    def __init__(self, file: BinaryIO, dimension: int) -> None:
        self._file = file
        self._dimension = dimension
        self._count = 0
        self._file.write(self._header())

    def write(self, vectors: NDArray[np.floating[Any]], rows: Sequence[Mapping[str, Any]]) -> None:  # noqa: ARG002 (no columns)
        array = np.ascontiguousarray(vectors, dtype="<f4")  # (n, d)
        if array.ndim != 2 or array.shape[1] != self._dimension:
            raise ValueError(f"vectors of shape {array.shape} for a file of dimension {self._dimension}")
        self._file.write(array.data)
        self._count += len(array)

    def finish(self) -> None:
        self._file.seek(0)
        self._file.write(self._header())

    def _header(self) -> bytes:
        shape = (self._count, self._dimension)
        text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
        magic = np.lib.format.magic(1, 0)
        length = _HEADER_BYTES - len(magic) - 2
        return magic + length.to_bytes(2, "little") + (text.ljust(length - 1) + "\n").encode()
