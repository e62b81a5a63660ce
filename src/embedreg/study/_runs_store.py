"""Finished fits on disk, so that an interrupted comparison goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from embedreg.core.files import output_errors, whole_file
from embedreg.core.kept import note_kept

if TYPE_CHECKING:
    from pathlib import Path


class RunsStore:
    """One JSON file a finished method, under a key that names everything that decides its numbers.

    Parameters
    ----------
    directory
        Where the files go, or None to keep nothing.
    key
        JSON values: data, settings, versions. Another key never reads these files.

    Examples
    --------
    >>> store = RunsStore(None, {"seed": 0})
    >>> store.get("embedding + ridge") is None
    True
    """

    def __init__(self, directory: Path | None, key: dict[str, Any]) -> None:
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
        self._directory = None if directory is None else directory / "runs" / digest

    def get(self, name: str) -> dict[str, Any] | None:
        """Return what was put under that name, or None; a file that a power cut left damaged is as good as none."""
        path = self._path(name)
        if path is None or not path.is_file():
            return None
        try:
            found: dict[str, Any] = json.loads(path.read_text())
        except ValueError:  # no JSON, or no text
            return None
        return found

    def put(self, name: str, run: dict[str, Any]) -> None:
        """Keep a finished run; whole, or not at all."""
        path = self._path(name)
        if path is None:
            return
        with output_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as temporary:
            temporary.write_text(json.dumps(run))
        note_kept("results")

    def _path(self, name: str) -> Path | None:
        return None if self._directory is None else self._directory / f"{name.replace(' ', '_')}.json"
