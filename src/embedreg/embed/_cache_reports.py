"""What the cache says about itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class SpaceStats:
    """The part of the cache that belongs to one embedder.

    Attributes
    ----------
    model
        The embedder's name.
    fingerprint
        All that decides its vectors.
    dimension
        Length of a vector.
    entries
        Cached texts.
    bytes
        Of their vectors.
    """

    model: str
    fingerprint: dict[str, Any]
    dimension: int
    entries: int
    bytes: int

    @property
    def place(self) -> str:
        """Where the model of a service is, in words; of other models nothing."""
        place = self.fingerprint.get("place")
        return f" at {place}" if place else ""


@dataclass(frozen=True)
class CacheStats:
    """What a cache holds.

    Attributes
    ----------
    directory
        Where it is.
    entries
        Cached texts, over all embedders.
    bytes
        On the disk, all files together.
    orphaned_bytes
        Those of `bytes` that no entry uses: left by interrupted runs or replaced by newer vectors.
    spaces
        One for each embedder, in the order in which they came.
    """

    directory: Path
    entries: int
    bytes: int
    orphaned_bytes: int
    spaces: tuple[SpaceStats, ...]

    def __str__(self) -> str:
        lines = [
            f"{self.entries:,} embeddings, {readable_bytes(self.bytes)} in {self.directory}",
            *(
                f"  {s.model}{s.place}: {s.entries:,} of dimension {s.dimension}, {readable_bytes(s.bytes)}"
                for s in self.spaces
            ),
        ]
        if self.orphaned_bytes:
            lines.append(
                f"  unused: {readable_bytes(self.orphaned_bytes)} (`embedreg cache prune` removes most of it)"
            )
        return "\n".join(lines)


@dataclass(frozen=True)
class VerifyReport:
    """What reading every cached vector found.

    Attributes
    ----------
    entries
        Vectors that were read.
    corrupt
        Those of them that were missing, short or changed. They were removed, and are embedded again when
        needed.
    """

    entries: int
    corrupt: int

    def __str__(self) -> str:
        if not self.corrupt:
            return f"{self.entries:,} embeddings read, all of them intact"
        return f"{self.entries:,} embeddings read, {self.corrupt:,} of them damaged and removed"


@dataclass(frozen=True)
class PruneReport:
    """What was removed from a cache.

    Attributes
    ----------
    entries
        Cached texts that are no longer.
    bytes
        Freed in files of vectors.
    """

    entries: int
    bytes: int

    def __str__(self) -> str:
        return f"removed {self.entries:,} embeddings, freed {readable_bytes(self.bytes)}"


def readable_bytes(count: float) -> str:
    """Return a size for people.

    Examples
    --------
    >>> readable_bytes(999), readable_bytes(15_360_000)
    ('999 bytes', '15.4 MB')
    """
    if count < 1000:
        return f"{count:.0f} bytes"
    for unit in ("kB", "MB"):
        count /= 1000
        if count < 999.95:
            return f"{count:.1f} {unit}"
    return f"{count / 1000:.1f} GB"
