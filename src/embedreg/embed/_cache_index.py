"""The cache's index: which vector is in which row of which shard, in SQLite.

A row of the index is committed after its vector is on the disk, so it never names bytes that were not
written. The journal is a write-ahead log with synchronous=FULL: what was committed outlives `kill -9`, and a
power cut too if the disk is honest.

A connection lives for one operation. That costs about a millisecond; in return nothing has to be closed, and
neither threads nor forked processes can share one by mistake.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from typing import TYPE_CHECKING, NamedTuple

from embedreg.embed._cache_errors import cache_errors, newer_schema
from embedreg.embed._cache_space import Space

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

INDEX_FILE = "index.sqlite"
SCHEMA = 1
_BUSY_SECONDS = 30.0
_KEYS_A_QUERY = 500  # SQLite before 3.32 allows 999
_TABLES = (
    """CREATE TABLE spaces (
        id INTEGER PRIMARY KEY,
        digest BLOB NOT NULL UNIQUE,
        model TEXT NOT NULL,  -- for people
        fingerprint TEXT NOT NULL,
        dimension INTEGER NOT NULL
    )""",
    """CREATE TABLE shards (
        id INTEGER PRIMARY KEY,
        space INTEGER NOT NULL REFERENCES spaces,
        file TEXT NOT NULL UNIQUE,
        created REAL NOT NULL
    )""",
    """CREATE TABLE entries (
        key BLOB PRIMARY KEY,  -- names the space as well as the text
        shard INTEGER NOT NULL REFERENCES shards,
        row INTEGER NOT NULL,
        checksum INTEGER NOT NULL
    ) WITHOUT ROWID""",
)
_ENTRY = "SELECT key, shard, file, row, checksum FROM entries JOIN shards ON shards.id = shard"


class Entry(NamedTuple):
    """Where a vector is, and its checksum."""

    key: bytes
    shard: int
    file: str
    row: int
    checksum: int


class Shard(NamedTuple):
    """A shard with the number of entries in it, and of rows up to the last of them."""

    id: int
    file: str
    created: float
    model: str
    space: Space
    entries: int
    rows: int


@contextlib.contextmanager
def open_index(directory: Path) -> Iterator[Index]:
    """Open the index in `directory`, made if need be, for the time of one operation.

    Raises
    ------
    CacheError
        If the directory or the index cannot be used. Errors of the system within the `with` become one too.
    """
    with cache_errors(directory):
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / INDEX_FILE
        with contextlib.closing(
            sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
        ) as connection:
            index = Index(connection)
            index.prepare(directory)
            yield index


class Index:
    """Queries on an open connection. Those that write expect to be within `transaction()`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def prepare(self, directory: Path) -> None:
        """Make the tables in a new file; refuse those of a newer version."""
        self._connection.execute("PRAGMA synchronous = FULL")
        if self._schema() == 0:
            self._write_ahead()
            with self.transaction():
                self._make_tables()
        if (version := self._schema()) > SCHEMA:
            raise newer_schema(version, SCHEMA, directory)

    def _write_ahead(self) -> None:
        """Switch the journal, which SQLite refuses at once, without waiting, where others do so too."""
        deadline = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.005)
            else:
                return

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the one lock for writing; all of what is written within is kept, or none."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.rollback()
            raise

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Entry]:
        """Return the entries that exist among `keys`."""
        found: dict[bytes, Entry] = {}
        ordered = sorted(keys)
        for start in range(0, len(ordered), _KEYS_A_QUERY):
            some = ordered[start : start + _KEYS_A_QUERY]
            places = ",".join("?" * len(some))
            rows = self._connection.execute(f"{_ENTRY} WHERE key IN ({places})", some)
            found.update((row[0], Entry(*row)) for row in rows)
        return found

    def pages(self, space: Space, size: int) -> Iterator[list[Entry]]:
        """Yield all entries of a space, `size` at a time; no lock is held in between."""
        of_space = "shards.space = (SELECT id FROM spaces WHERE digest = ?)"
        query = f"{_ENTRY} WHERE {of_space} AND key > ? ORDER BY key LIMIT ?"
        last = b""
        while page := [Entry(*row) for row in self._connection.execute(query, (space.digest, last, size))]:
            yield page
            last = page[-1].key

    def add(self, file: str, first_row: int, keys: Iterable[bytes], checksums: Iterable[int]) -> None:
        """Enter consecutive rows of a shard, in place of older entries with the same keys."""
        (shard,) = self._connection.execute("SELECT id FROM shards WHERE file = ?", (file,)).fetchone()
        rows = sorted(
            (key, shard, first_row + i, check)
            for i, (key, check) in enumerate(zip(keys, checksums, strict=True))
        )
        self._connection.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?)", rows)

    def forget(self, entries: Iterable[Entry]) -> int:
        """Remove those entries that are still as they were read, and return how many."""
        query = "DELETE FROM entries WHERE key = ? AND shard = ? AND row = ?"
        return self._connection.executemany(query, ((e.key, e.shard, e.row) for e in entries)).rowcount

    def spaces(self) -> list[Space]:
        """Return the spaces in the order in which they came."""
        return [
            Space(*row)
            for row in self._connection.execute("SELECT fingerprint, dimension FROM spaces ORDER BY id")
        ]

    def shards(self) -> list[Shard]:
        """Return all shards, oldest first."""
        rows = self._connection.execute(
            "SELECT shards.id, file, created, model, fingerprint, dimension,"
            " COALESCE(entries, 0), COALESCE(rows, 0) FROM shards JOIN spaces ON spaces.id = space LEFT JOIN"
            " (SELECT shard, COUNT(*) AS entries, MAX(row) + 1 AS rows FROM entries GROUP BY shard)"
            " ON shard = shards.id ORDER BY created, shards.id"
        )
        return [
            Shard(identifier, file, created, model, Space(fingerprint, dimension), entries, used)
            for identifier, file, created, model, fingerprint, dimension, entries, used in rows
        ]

    def has_shard(self, file: str) -> bool:
        """Return whether the shard of that name is, and still is, in the index."""
        return self._connection.execute("SELECT 1 FROM shards WHERE file = ?", (file,)).fetchone() is not None

    def add_shard(self, space: Space, model: str, file: str) -> None:
        """Enter a shard, and its space if that is new."""
        self._connection.execute(
            "INSERT OR IGNORE INTO spaces (digest, model, fingerprint, dimension) VALUES (?, ?, ?, ?)",
            (space.digest, model, space.fingerprint, space.dimension),
        )
        self._connection.execute(
            "INSERT INTO shards (space, file, created) SELECT id, ?, ? FROM spaces WHERE digest = ?",
            (file, time.time(), space.digest),
        )

    def remove_shards(self, shards: Iterable[Shard]) -> None:
        """Remove shards with their entries, and the spaces that are left without a shard."""
        doomed = json.dumps([shard.id for shard in shards])
        self._connection.execute(
            "DELETE FROM entries WHERE shard IN (SELECT value FROM json_each(?))", (doomed,)
        )
        self._connection.execute("DELETE FROM shards WHERE id IN (SELECT value FROM json_each(?))", (doomed,))
        self._connection.execute("DELETE FROM spaces WHERE id NOT IN (SELECT space FROM shards)")

    def shrink(self) -> None:
        """Give the room of removed entries back to the disk; not within a transaction."""
        self._connection.execute("VACUUM")

    def _schema(self) -> int:
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    def _make_tables(self) -> None:
        if self._schema() == 0:  # another process may have been first
            for table in _TABLES:
                self._connection.execute(table)
            self._connection.execute(f"PRAGMA user_version = {SCHEMA}")
