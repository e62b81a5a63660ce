"""Weights that are trusted on first use: their hash is recorded when they first come, and holds ever after."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from embedreg.core.errors import ModelError
from embedreg.core.files import whole_file
from embedreg.core.paths import cache_root

if TYPE_CHECKING:
    from pathlib import Path


def record_path(name: str) -> Path:
    """Return the file that says what a model's weights have to be; it outlives the weights."""
    return cache_root() / "models" / f"{name}.first-use.json"


def recorded_sha256(name: str) -> str | None:
    """Return the hash that a model's weights had at first, or None if it was never here.

    Raises
    ------
    ModelError
        If the record is damaged.
    """
    path = record_path(name)
    if not path.is_file():
        return None
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"an unreadable {path}",
            expected="the hash of the weights as they first came",
            mend="remove it, if you trust what its source gives now",
        ) from error


def record(name: str, sha256: str, source: str) -> None:
    """Keep what came, and where from."""
    with whole_file(record_path(name)) as temporary:
        temporary.write_text(json.dumps({"sha256": sha256, "source": source}, indent=1), encoding="utf-8")
