"""Shards: files of raw little-endian float32 vectors, one after the other, and nothing else.

A shard is only ever appended to, and by one process. What a row holds, and whether it is intact, is for the
index to say.
"""

from __future__ import annotations

import os
import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

SUFFIX = ".f32"
_DTYPE = np.dtype("<f4")


def row_bytes(dimension: int) -> int:
    """Return the bytes of one vector of that length."""
    return dimension * _DTYPE.itemsize


def checksums(vectors: NDArray[np.float32]) -> list[int]:
    """Return the CRC-32 of each row of `vectors` (n, d)."""
    data, size = memoryview(_to_bytes(vectors)), row_bytes(vectors.shape[1])
    return [zlib.crc32(data[start : start + size]) for start in range(0, len(data), size)]


def append(path: Path, vectors: NDArray[np.float32]) -> int:
    """Append the rows of `vectors` (n, d) to a shard, sync them, and return the first row's number.

    The file is made if it is not there. If an earlier append was cut short, its torn row is written over.
    """
    is_new = not path.exists()
    size = row_bytes(vectors.shape[1])
    with path.open("xb" if is_new else "r+b") as file:
        first = file.seek(0, os.SEEK_END) // size
        file.seek(first * size)
        file.write(_to_bytes(vectors))
        file.flush()
        os.fsync(file.fileno())
    if is_new:
        _sync_directory(path.parent)
    return first


def read(path: Path, rows: Sequence[int], dimension: int) -> NDArray[np.float32]:
    """Return those rows of a shard, shape (len(rows), d); fastest when `rows` ascend.

    What the file does not have, all of it or a part of a row, is zeros: the checksum then tells.
    Files are read rather than mapped into memory, where a file that shrinks would end the process.
    """
    vectors = np.zeros((len(rows), dimension), dtype=_DTYPE)
    try:
        with path.open("rb", buffering=0) as file:
            for start, stop in _runs(np.asarray(rows, dtype=np.int64)):
                file.seek(rows[start] * row_bytes(dimension))
                _read_into(vectors[start:stop].data.cast("B"), file.readinto)
    except FileNotFoundError:
        pass  # deleted, by a prune or by hand
    return vectors.astype(np.float32, copy=False)


def truncate(path: Path, rows: int, dimension: int) -> int:
    """Cut what follows the first `rows` rows off a shard, and return how many bytes that were."""
    size, wanted = size_of(path), rows * row_bytes(dimension)
    if size > wanted:
        os.truncate(path, wanted)
    return max(size - wanted, 0)


def size_of(path: Path) -> int:
    """Return a file's bytes, 0 if it is gone."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _to_bytes(vectors: NDArray[np.float32]) -> bytes:
    return np.asarray(vectors, dtype=_DTYPE).tobytes()


def _runs(rows: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) for each stretch of `rows` that is consecutive in the file, to be read at once."""
    breaks = (np.flatnonzero(np.diff(rows) != 1) + 1).tolist()
    return zip([0, *breaks], [*breaks, len(rows)], strict=True)


def _read_into(target: memoryview, readinto: Callable[[memoryview], int | None]) -> None:
    """Fill `target`, or as much of it as the file still has."""
    while len(target) and (count := readinto(target)):
        target = target[count:]


def _sync_directory(directory: Path) -> None:
    """See a new file's name on the disk; Windows neither needs nor allows that."""
    if os.name == "posix":
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
