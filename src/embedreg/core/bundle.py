"""A saved object: a directory of files with a manifest of their hashes. No pickle.

manifest.json    kind, schema version, and the sha256 of every other file
manifest.sha256  the sha256 of manifest.json
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Any, Final

from embedreg.core.errors import OutputError, SavedModelError
from embedreg.core.files import followed, output_errors

SCHEMA: Final = 4
_MANIFEST: Final = "manifest.json"
_MANIFEST_HASH: Final = "manifest.sha256"


def write_bundle(directory: Path, kind: str, files: dict[str, bytes], *, overwrite: bool = False) -> None:
    """Write `files` to `directory`, whole or not at all.

    Parameters
    ----------
    directory
        Where to; its parent must exist. A symbolic link stays one, and what it leads to is written.
    kind
        What is saved; `read_bundle` asks for it by name.
    files
        Bytes by file name.
    overwrite
        Whether an existing bundle may be replaced, which it is once the new one is whole. Anything else at that path, and a
        bundle with files that are not its own, is never replaced.

    Raises
    ------
    OutputError
        If something is there already, or it cannot be written.
    """
    check_free(directory, overwrite=overwrite)
    place = followed(directory)
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}
    manifest = json.dumps({"kind": kind, "schema": SCHEMA, "files": hashes}, indent=1).encode()
    everything = {**files, _MANIFEST: manifest, _MANIFEST_HASH: hashlib.sha256(manifest).hexdigest().encode()}
    with output_errors(directory):
        work = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
        staged, replaced = work / "new", work / "old"
        try:
            staged.mkdir(mode=0o755)
            for name, data in everything.items():
                (staged / name).write_bytes(data)
            if place.exists():
                staged.chmod(stat.S_IMODE(place.stat().st_mode))
                place.rename(replaced)
            staged.rename(place)
        finally:
            if replaced.exists() and not place.exists():
                replaced.rename(place)
            shutil.rmtree(work, ignore_errors=True)


def check_free(directory: Path, *, overwrite: bool = False) -> None:
    """Make sure, before long work, that a bundle can be written to `directory`.

    Raises
    ------
    OutputError
        If something is there that may not be replaced, or the parent folder is missing or read-only.
    """
    parent = directory.absolute().parent
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise OutputError(
            f"no folder {parent} that can be written to",
            expected="an existing parent folder",
            mend=f"mkdir -p {parent}",
        )
    if not directory.exists():
        return
    replaceable = _is_bundle(directory)
    if not (overwrite and replaceable):
        mend = "choose another path, or " + (
            "allow overwriting (overwrite=True, or --overwrite)" if replaceable else "move it away"
        )
        what = f"an existing {directory}" + (
            "" if replaceable else ", which is not a saved model or holds other files"
        )
        raise OutputError(what, expected="a path where nothing is yet", mend=mend)


def _is_bundle(directory: Path) -> bool:
    """Whether all that is in the folder was written by `write_bundle`."""
    try:
        own = {*_read_manifest(directory)["files"], _MANIFEST, _MANIFEST_HASH}
    except SavedModelError:
        return False
    return {path.name for path in directory.iterdir()} <= own


def read_bundle(directory: Path, kind: str) -> dict[str, bytes]:
    """Read a bundle of that kind, every byte checked against the manifest.

    Raises
    ------
    SavedModelError
        If it is missing, incomplete, changed, of another kind or of another schema.
    """
    manifest = _read_manifest(directory)
    if manifest["kind"] != kind or manifest["schema"] != SCHEMA:
        raise SavedModelError(
            f"a saved {manifest['kind']} of schema {manifest['schema']} in {directory}",
            expected=f"a saved {kind} of schema {SCHEMA}",
            mend="give another directory, or upgrade embedreg",
        )
    files: dict[str, bytes] = {}
    for name, expected in manifest["files"].items():
        path = directory / name
        if not path.is_file():
            raise _damaged(directory, f"no file {name}")
        files[name] = path.read_bytes()
        if hashlib.sha256(files[name]).hexdigest() != expected:
            raise _damaged(directory, f"other bytes in {name} than were saved")
    return files


def _read_manifest(directory: Path) -> dict[str, Any]:
    path = directory / _MANIFEST
    if not path.is_file():
        raise SavedModelError(
            f"no {_MANIFEST} in {directory}",
            expected="a directory written by embedreg",
            mend="check the path; `embedreg fit ... -o MODEL` writes one",
        )
    data = path.read_bytes()
    stated = directory / _MANIFEST_HASH
    if not stated.is_file() or stated.read_bytes() != hashlib.sha256(data).hexdigest().encode():
        raise _damaged(directory, f"a {_MANIFEST} that does not agree with {_MANIFEST_HASH}")
    manifest: dict[str, Any] = json.loads(data)
    return manifest


def _damaged(directory: Path, what: str) -> SavedModelError:
    return SavedModelError(
        f"{what} in {directory}",
        expected="the files exactly as they were saved",
        mend="copy the directory again from where it was saved, or fit again",
    )
