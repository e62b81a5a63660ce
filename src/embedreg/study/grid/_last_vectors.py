"""The vectors read last, for tasks of the same records: BBOB's functions of one dimension share their points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from embedreg.core.protocols import Array
    from embedreg.core.records import Record
    from embedreg.study.grid._cells import Item

_MOST_BYTES: Final = 2**28


class _Kept(NamedTuple):
    records: list[Record]
    vectors: Array


class LastVectors:
    """Keeps the vectors of one representation while they are likely to be wanted again, in some 256 MiB.

    Reading them anew means to write every record as text and look each text up in the cache, which takes longer than to
    fit a ridge regression.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str | int | None, int, int], _Kept] = {}

    def of(self, item: Item, records: list[Record], represent: Callable[[], Array]) -> Array:
        """Return the vectors (n, d) of an item's records, by `represent` unless they are at hand."""
        of_bbob = item.task.kind == "bbob"
        key = (item.task.dof if of_bbob else item.task.name, item.rows, item.seed)
        found = self._kept.pop(key, None)
        if found is None or found.records != records:
            found = _Kept(records, represent())
        self._kept[key] = found  # as the youngest
        self._forget()
        return found.vectors

    def _forget(self) -> None:
        """Let the oldest go while there is no room, but for the youngest."""
        room = _MOST_BYTES - sum(kept.vectors.nbytes for kept in self._kept.values())
        while room < 0 and len(self._kept) > 1:
            room += self._kept.pop(next(iter(self._kept))).vectors.nbytes
