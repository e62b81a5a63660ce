"""Finished cells, in one SQLite file: written as they are finished, never changed, found by key."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from typing import TYPE_CHECKING, Any, Final

from embedreg.core.errors import DataError
from embedreg.core.files import output_errors
from embedreg.core.kept import note_kept

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

STORE_FILE: Final = "results.sqlite"
SCHEMA: Final = 1
_BUSY_SECONDS: Final = 60.0
_TABLES: Final = {
    "cells": "a fit and its scores",
    "smoothness": "the NLFD of a representation of a task's training rows",
    "profiles": "distances before and after embedding",
    "failures": "what could not be fitted, and why; tried again by the next run",
}


class StudyStore:
    """The results of a study.

    Each row is JSON under a key that names everything that decides its numbers, so that one file can hold the
    results of several studies, and a row once written is never computed again. Several processes may write.

    Parameters
    ----------
    directory
        Where the file `results.sqlite` is, or is to be.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> store = StudyStore(pathlib.Path(tempfile.mkdtemp()))
    >>> store.add("cells", {"key 1": {"kendall_tau": 0.5}})
    >>> store.get("cells", ["key 1", "key 2"])
    {'key 1': {'kendall_tau': 0.5}}
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / STORE_FILE

    def get(self, table: str, keys: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return the rows that there are among `keys`, in that order."""
        if not self.path.is_file():
            return {}
        with self._open() as connection:
            query = f"SELECT key, row FROM {_known(table)} WHERE key IN (SELECT value FROM json_each(?))"  # noqa: S608 (a known name)
            found = dict(connection.execute(query, (json.dumps(wanted := list(keys)),)))
        return {key: json.loads(found[key]) for key in wanted if key in found}

    def add(self, table: str, rows: dict[str, dict[str, Any]]) -> None:
        """Keep rows, all of them or none. A key that is there keeps the row it has; a failure is replaced.

        Raises
        ------
        OutputError
            If the directory cannot be written to.
        """
        with output_errors(self.path):
            self.directory.mkdir(parents=True, exist_ok=True)
        what = "REPLACE" if table == "failures" else "IGNORE"
        written = [(key, json.dumps(row, sort_keys=True)) for key, row in rows.items()]
        command = f"INSERT OR {what} INTO {_known(table)} (key, row) VALUES (?, ?)"  # noqa: S608 (known names)
        with self._open() as connection, connection:
            connection.executemany(command, written)
        if rows and table != "failures":
            note_kept("results")

    def forget_failures(self, keys: Iterable[str]) -> None:
        """Remove failures, before they are tried again."""
        if not self.path.is_file():
            return
        with self._open() as connection, connection:
            connection.execute(
                "DELETE FROM failures WHERE key IN (SELECT value FROM json_each(?))",
                (json.dumps(list(keys)),),
            )

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with contextlib.closing(sqlite3.connect(self.path, timeout=_BUSY_SECONDS)) as connection:
                self._prepare(connection)
                yield connection
        except sqlite3.DatabaseError as error:
            raise DataError(
                f"'{error}' from the store {self.path}",
                expected="a store that embedreg wrote, on a disk with room",
                mend="free space; or move a damaged file away, and the study is run again",
            ) from error

    def _prepare(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA:
            raise DataError(
                f"a store of schema {version}: {self.path}",
                expected=f"schema {SCHEMA} at most",
                mend="upgrade embedreg, or give another directory",
            )
        present = {
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        if version == SCHEMA and present.issuperset(_TABLES):
            return
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            for table in _TABLES:
                connection.execute(
                    f"CREATE TABLE IF NOT EXISTS {table} (key TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID"
                )
            connection.execute(f"PRAGMA user_version = {SCHEMA}")


def _known(table: str) -> str:
    if table not in _TABLES:
        raise ValueError(f"no table {table!r}")
    return table
