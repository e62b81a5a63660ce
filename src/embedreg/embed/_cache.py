"""Embeddings that are computed once and kept, across runs and processes.

    index.sqlite    which text's vector is where (see _cache_index.py)
    *.f32           the vectors (see _cache_shards.py)

Texts themselves are not stored, only a hash of each. No file is ever unpickled.

Every writer holds the index's one write lock from before it touches a shard until its rows are committed. So
under that lock nobody is in the middle of writing, and whatever no row of the index names can be removed.
Readers take no lock: they trust a vector only when its checksum fits.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from embedreg.core.errors import UsageError
from embedreg.core.paths import cache_root
from embedreg.embed import _cache_shards as shards
from embedreg.embed._cache_errors import CacheBusyError, CacheError, cache_errors
from embedreg.embed._cache_index import INDEX_FILE, Entry, Index, Shard, open_index
from embedreg.embed._cache_reports import CacheStats, PruneReport, SpaceStats, VerifyReport
from embedreg.embed._cache_space import Space, canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

_SHARD_BYTES = 64_000_000
_SHARD_SECONDS = 3_600
"""A shard that has grown to so many bytes, or was begun so long ago, is followed by a new one; pruning removes whole shards."""
_own_shards: dict[tuple[int, Path, bytes], tuple[str, float]] = {}
"""The shard that a process appends to and when it was begun, by process, directory and space.

It is read and written under the index's write lock.
"""
_TEXTS_AT_ONCE = 16_384
_SECONDS_A_DAY = 86_400


class Lookup(NamedTuple):
    """What the cache had.

    Attributes
    ----------
    found
        Mask of shape (n,): whether each text was there, intact.
    vectors
        Shape (n, d); rows that were not found are zeros.
    corrupt
        How many entries turned out missing, short or changed. They were removed and count as not found.
    """

    found: NDArray[np.bool_]
    vectors: NDArray[np.float32]
    corrupt: int


class EmbeddingCache:
    """Vectors on disk, looked up by text and by everything else that decides them.

    Any number of processes and threads may use one directory at once. What `put` has returned from outlives
    `kill -9`; what was being written then is never read. Each vector is checked when it is read.

    Parameters
    ----------
    directory
        Where it is kept; by default `embeddings` in `EMBEDREG_CACHE_DIR` or in the user's cache folder.
        Nothing is made or read before the first use. It should be on a local disk: several machines
        that share a network disk cannot share SQLite's write-ahead log.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from pathlib import Path
    >>> cache = EmbeddingCache(Path(tempfile.mkdtemp()))
    >>> model = {"model": "minilm", "pooling": "mean"}
    >>> cache.put(model, ["a", "b"], np.array([[1, 2], [3, 4]], dtype=np.float32))
    >>> cache.get(model, 2, ["b", "c"]).found
    array([ True, False])
    >>> cache.get({**model, "pooling": "last"}, 2, ["b"]).found
    array([False])
    """

    def __init__(self, directory: Path | str | None = None) -> None:
        self._directory = None if directory is None else Path(directory)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.directory)!r})"

    @property
    def directory(self) -> Path:
        """The directory it is kept in, which need not exist yet."""
        return cache_root() / "embeddings" if self._directory is None else self._directory

    def get(self, fingerprint: Mapping[str, Any], dimension: int, texts: Sequence[str]) -> Lookup:
        """Look texts up.

        Parameters
        ----------
        fingerprint
            Of the embedder, see `Embedder.fingerprint`.
        dimension
            Length d of a vector.
        texts
            n of them, in any order, repeated or not.

        Raises
        ------
        CacheError
            If the cache cannot be used.
        """
        space = Space.of(fingerprint, dimension)
        found = np.zeros(len(texts), dtype=np.bool_)
        vectors = np.zeros((len(texts), dimension), dtype=np.float32)
        corrupt = 0
        with open_index(self.directory) as index:
            for start in range(0, len(texts), _TEXTS_AT_ONCE):
                keys = space.keys(texts[start : start + _TEXTS_AT_ONCE])
                entries = index.find(keys)
                known = [i for i, key in enumerate(keys) if key in entries]
                positions = start + np.array(known, dtype=np.intp)
                some = [entries[keys[i]] for i in known]
                vectors[positions], found[positions], newly_corrupt = self._read(index, some, dimension)
                corrupt += newly_corrupt
        return Lookup(found, vectors, corrupt)

    def dimension(self, fingerprint: Mapping[str, Any]) -> int | None:
        """Return the length of the vectors of an embedder; None if there are none, or of several lengths.

        Raises
        ------
        CacheError
            If the cache cannot be used.
        """
        if not self._exists():
            return None
        wanted = canonical(fingerprint)
        with open_index(self.directory) as index:
            found = {space.dimension for space in index.spaces() if space.fingerprint == wanted}
        return found.pop() if len(found) == 1 else None

    def put(
        self,
        fingerprint: Mapping[str, Any],
        texts: Sequence[str],
        vectors: NDArray[np.float32],
        *,
        model: str = "unnamed",
    ) -> None:
        """Keep the vectors (n, d) of n texts, in place of older ones; on return they are on the disk.

        Parameters
        ----------
        fingerprint
            Of the embedder, see `Embedder.fingerprint`.
        texts
            n of them.
        vectors
            Shape (n, d).
        model
            The embedder's name, for `stats`; it is no part of the key.

        Raises
        ------
        CacheError
            If the cache cannot be used, is full or stays locked. Nothing of this call is kept then.
        """
        if not len(texts):
            return
        space = Space.of(fingerprint, vectors.shape[1])
        keys = space.keys(texts)
        checks = shards.checksums(vectors)
        with open_index(self.directory) as index, index.transaction():
            file = self._own_shard(index, space, model)
            first_row = shards.append(self.directory / file, vectors)
            index.add(file, first_row, keys, checks)

    def stats(self) -> CacheStats:
        """Say what is kept.

        Raises
        ------
        CacheError
            If the cache cannot be used.
        """
        if not self._exists():
            return CacheStats(self.directory, 0, 0, 0, ())
        with open_index(self.directory) as index:
            per_space = tuple(_space_stats(s, group) for s, group in _by_space(index.shards()))
        with cache_errors(self.directory):
            everything = sum(shards.size_of(path) for path in self.directory.iterdir())
            vectors = sum(shards.size_of(path) for path in self._shard_files())
        orphaned = max(vectors - sum(s.bytes for s in per_space), 0)
        return CacheStats(self.directory, sum(s.entries for s in per_space), everything, orphaned, per_space)

    def verify(self) -> VerifyReport:
        """Read and check every vector, and remove the entries of those that are missing or changed.

        Raises
        ------
        CacheError
            If the cache cannot be used.
        """
        if not self._exists():
            return VerifyReport(0, 0)
        entries = corrupt = 0
        with open_index(self.directory) as index:
            for space in index.spaces():
                for page in index.pages(space, _TEXTS_AT_ONCE):
                    entries += len(page)
                    corrupt += self._read(index, page, space.dimension)[2]
        return VerifyReport(entries, corrupt)

    def prune(self, *, max_bytes: int | None = None, older_than_days: float | None = None) -> PruneReport:
        """Remove old vectors, and always what no entry uses. Other processes may go on using the cache.

        Parameters
        ----------
        max_bytes
            Remove the oldest files of vectors until the rest is no larger.
        older_than_days
            Remove files of vectors that were begun longer ago.

        Raises
        ------
        UsageError
            If a limit is negative.
        CacheError
            If the cache cannot be used.
        """
        _refuse_negative(max_bytes=max_bytes, older_than_days=older_than_days)
        if not self._exists():
            return PruneReport(0, 0)
        with open_index(self.directory) as index:
            with index.transaction():
                every = index.shards()
                kept = _kept(every, max_bytes, older_than_days)
                doomed = set(every) - set(kept)
                index.remove_shards(doomed)
                freed = sum(shards.truncate(self.directory / s.file, s.rows, s.space.dimension) for s in kept)
                files = set(self._shard_files()) - {self.directory / shard.file for shard in kept}
            freed += _unlink(files)
            index.shrink()
        return PruneReport(sum(shard.entries for shard in doomed), freed)

    def clear(self) -> PruneReport:
        """Remove everything, also when the index is damaged or of a newer version, or the disk is full.

        Raises
        ------
        CacheError
            If the directory may not be written to, or another process keeps the cache locked.
        """
        try:
            return self.prune(max_bytes=0)
        except CacheBusyError:
            raise
        except CacheError:  # an index that cannot be read, or has no room to note what goes
            with cache_errors(self.directory):
                index_files = [self.directory / f"{INDEX_FILE}{suffix}" for suffix in ("", "-wal", "-shm")]
                return PruneReport(0, _unlink([*index_files, *self._shard_files()]))

    def _read(
        self, index: Index, entries: Sequence[Entry], dimension: int
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_], int]:
        """Return the vectors (n, d) of entries, which are intact, and how many were corrupt and so removed.

        An entry that was replaced or pruned since it was looked up is not intact, and not corrupt either.
        """
        vectors = np.zeros((len(entries), dimension), dtype=np.float32)
        order = sorted(range(len(entries)), key=lambda i: (entries[i].file, entries[i].row))
        for file, group in itertools.groupby(order, key=lambda i: entries[i].file):
            positions = list(group)
            rows = [entries[i].row for i in positions]
            vectors[positions] = shards.read(self.directory / file, rows, dimension)
        checks = shards.checksums(vectors)
        intact = np.array(
            [check == entry.checksum for check, entry in zip(checks, entries, strict=True)], np.bool_
        )
        if intact.all():
            return vectors, intact, 0
        vectors[~intact] = 0
        with index.transaction():
            corrupt = index.forget(entries[i] for i in np.flatnonzero(~intact).tolist())
        return vectors, intact, corrupt

    def _own_shard(self, index: Index, space: Space, model: str) -> str:
        """Return the shard that this process appends to, a new one if that is pruned, full or old.

        It is that of all caches of this directory, so that many small writes do not each begin a file. Threads take turns, by
        the index's write lock. A forked process is another process, and starts its own.
        """
        owner = (os.getpid(), self.directory.absolute(), space.digest)
        file, begun = _own_shards.get(owner, ("", -math.inf))
        if not self._has_room(index, file, begun):
            file, begun = f"{secrets.token_hex(8)}{shards.SUFFIX}", time.time()
            index.add_shard(space, model, file)
            _own_shards[owner] = file, begun
        return file

    def _has_room(self, index: Index, file: str, begun: float) -> bool:
        if time.time() - begun > _SHARD_SECONDS or not index.has_shard(file):
            return False
        return shards.size_of(self.directory / file) <= _SHARD_BYTES

    def _exists(self) -> bool:
        with cache_errors(self.directory):
            return self.directory.exists()

    def _shard_files(self) -> list[Path]:
        return list(self.directory.glob(f"*{shards.SUFFIX}"))


def _kept(every: Sequence[Shard], max_bytes: int | None, older_than_days: float | None) -> list[Shard]:
    """Return the shards to keep, newest first, of those in `every`, oldest first."""
    oldest = -math.inf if older_than_days is None else time.time() - older_than_days * _SECONDS_A_DAY
    room = math.inf if max_bytes is None else max_bytes
    kept = []
    for shard in reversed(every):
        room -= shard.rows * shards.row_bytes(shard.space.dimension)
        if room < 0 or shard.created < oldest:
            break
        if shard.entries:
            kept.append(shard)
    return kept


def _unlink(files: Iterable[Path]) -> int:
    """Delete files and return how many bytes they had."""
    freed = 0
    for file in files:
        size = shards.size_of(file)
        file.unlink(missing_ok=True)
        freed += size
    return freed


def _space_stats(space: Space, members: Sequence[Shard]) -> SpaceStats:
    entries = sum(shard.entries for shard in members)
    return SpaceStats(
        model=members[0].model,
        fingerprint=json.loads(space.fingerprint),
        dimension=space.dimension,
        entries=entries,
        bytes=entries * shards.row_bytes(space.dimension),
    )


def _by_space(every: Iterable[Shard]) -> Iterable[tuple[Space, list[Shard]]]:
    groups: dict[Space, list[Shard]] = {}
    for shard in every:
        groups.setdefault(shard.space, []).append(shard)
    return groups.items()


def _refuse_negative(**limits: float | None) -> None:
    for name, limit in limits.items():
        if limit is not None and not limit >= 0:
            raise UsageError(f"{name}={limit}", expected="0 or more", mend="leave it out to set no limit")
