"""What can be wrong with a cache directory, each with the way to mend it."""

from __future__ import annotations

import contextlib
import errno
import sqlite3
from typing import TYPE_CHECKING

from embedreg.core.errors import EmbedregError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


class CacheError(EmbedregError):
    """The embedding cache cannot be used; embedding goes on without it."""


class CacheBusyError(CacheError):
    """Another process keeps the cache locked for longer than it takes to write."""


@contextlib.contextmanager
def cache_errors(directory: Path) -> Iterator[None]:
    """Turn errors of the system and of SQLite while using `directory` into a CacheError."""
    try:
        yield
    except sqlite3.Error as error:
        raise _from_sqlite(error, directory) from error
    except OSError as error:
        raise _cannot_use(error.strerror or str(error), directory, no_room=error.errno in _NO_ROOM) from error


def newer_schema(version: int, known: int, directory: Path) -> CacheError:
    """Return the error for an index that a newer embedreg has written."""
    return CacheError(
        f"an embedding cache of schema {version} in {directory}",
        expected=f"schema {known} at most",
        mend="upgrade embedreg, set EMBEDREG_CACHE_DIR to another folder, or run `embedreg cache clear`",
    )


def _from_sqlite(error: sqlite3.Error, directory: Path) -> CacheError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the kind, the rest its detail
    if code in _DAMAGED:
        return CacheError(
            f"a damaged index of the embedding cache in {directory} ({error})",
            expected="the index as embedreg wrote it",
            mend="run `embedreg cache clear`; what was in it is embedded again when needed",
        )
    if code in _BUSY:
        return CacheBusyError(
            f"an embedding cache in {directory} that another process keeps locked",
            expected="a lock held for moments only",
            mend="end the process that hangs, or set EMBEDREG_CACHE_DIR to another folder",
        )
    return _cannot_use(str(error), directory, no_room=code == sqlite3.SQLITE_FULL)


def _cannot_use(what: str, directory: Path, *, no_room: bool) -> CacheError:
    elsewhere = "set EMBEDREG_CACHE_DIR to a folder like that"
    return CacheError(
        f"'{what}' from the embedding cache in {directory}",
        expected="a folder that may be written to and has room",
        mend=f"free space on that disk (`embedreg cache clear`), or {elsewhere}" if no_room else elsewhere,
    )
