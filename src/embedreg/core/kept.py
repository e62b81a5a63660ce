"""What of this process's work is on disk, so that the same command, once interrupted, goes on from there."""

from __future__ import annotations

from typing import Final

_KEPT: Final[dict[str, None]] = {}


def note_kept(what: str) -> None:
    """Note that finished work of this kind, in words, is on disk."""
    _KEPT[what] = None


def kept() -> list[str]:
    """Return the kinds of work that were noted, in that order."""
    return list(_KEPT)


def forget_kept() -> None:
    """Begin anew, as another command in the same process does."""
    _KEPT.clear()
