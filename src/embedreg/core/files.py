"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import os
import stat
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from embedreg.core.errors import OutputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_STALE_SECONDS: Final = 24 * 3600.0
"""How long a file that was begun has to lie untouched to be of a process that was killed."""

_MENDS: Final = {
    errno.ENOENT: "make the folder first (mkdir -p), or choose another place",
    errno.ENOTDIR: "choose another place: a part of that path is a file, not a folder",
    errno.EISDIR: "choose another name: that one is a folder's",
    errno.ENOSPC: "free space on that disk, or choose another place",
    errno.EDQUOT: "free space on that disk, or choose another place",
}


def sha256_of(path: Path) -> str:
    """Return the hexadecimal sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Turn the system's errors while writing `path` into one that says how to mend it.

    A reader that went away (`| head`) is no error of ours: BrokenPipeError stays what it is.
    """
    try:
        yield
    except (OutputError, BrokenPipeError):
        raise
    except OSError as error:
        raise OutputError(
            f"{error.strerror or error} while writing {path}",
            expected="a folder that exists, may be written to and has room",
            mend=_MENDS.get(error.errno or 0, "choose a place that may be written to"),
        ) from error


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, unless it is there.

    Raises
    ------
    OutputError
        If it cannot be made.
    """
    with output_errors(path):
        path.mkdir(parents=True, exist_ok=True)


def keep_input(path: Path, output: Path | None) -> None:
    """Make sure, before long work, that writing to `output` leaves the file `path` as it is.

    Raises
    ------
    UsageError
        If they are one file, however it is written, or `output` is a folder that holds it.
    """
    if output is None or not (output.exists() and path.exists()):
        return
    if any(output.samefile(place) for place in (path, *path.resolve().parents)):
        raise UsageError(
            f"the folder {output} to write to, which holds the input {path}"
            if output.is_dir()
            else f"{output} to write to, where the input {path} is",
            expected="another place, as the input would be lost",
            mend="choose another name for the output",
        )


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to, which takes its place at the end.

    After an error or an interruption `path` is as it was before. A symbolic link stays one, and what it leads to is
    replaced. Permissions stay those of the file that was there. Something that is no regular file (a pipe,
    /dev/stdout) cannot be replaced and is written directly.

    Raises
    ------
    OutputError
        If the folder is missing, read-only or full.
    """
    with output_errors(path):
        if path.exists() and not path.is_file():
            yield path
            return
        place = followed(path)
        _remove_stale(place)
        handle, name = tempfile.mkstemp(prefix=f".{place.name}.", suffix=path.suffix, dir=place.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            temporary.chmod(stat.S_IMODE(place.stat().st_mode) if place.exists() else _default_mode())
            temporary.replace(place)
        finally:
            temporary.unlink(missing_ok=True)


def _remove_stale(place: Path) -> None:
    """Remove what runs that were killed long ago had written of the same file."""
    for left in place.parent.glob(f".{glob.escape(place.name)}.????????{glob.escape(place.suffix)}"):
        with contextlib.suppress(OSError):  # its own run may be done with it just now; another user's stays
            if is_stale(left):
                left.unlink()


def is_stale(path: Path) -> bool:
    """Return whether what was begun at a path has lain there untouched for so long that its process was killed."""
    return time.time() - path.stat().st_mtime > _STALE_SECONDS


def followed(path: Path) -> Path:
    """Return where a path leads, through symbolic links, whether or not something is there."""
    return Path(os.path.realpath(path))


def _default_mode() -> int:
    """Return the permissions an ordinary new file would get; mkstemp's are for the owner alone."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
