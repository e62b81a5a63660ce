"""Tokens in a batch, and threads, with which a model reads the most texts a second on a processor: tried once, and remembered.

What is best hangs on caches, on cores that share units or are slower than others, and on what else is there, so that no number
is right everywhere.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from embedreg.core.measured import keep_measured, measured

if TYPE_CHECKING:
    from collections.abc import Callable

_FILE: Final = "batches.json"
_LEAST_SPEEDUP: Final = 1.1
"""Times as fast, from which another way is worth vectors that are rounded otherwise."""
_ROUNDS: Final = 2
_MOST_OF_WORK: Final = 0.05  # that was done: what trying takes at most


class Way(NamedTuple):
    """Tokens in a batch at most, and how many threads read batches."""

    batch_tokens: int
    threads: int

    def others(self) -> list[Way]:
        """Return the ways that are tried beside this one."""
        sizes = [Way(size, self.threads) for size in (self.batch_tokens // 2, self.batch_tokens * 2)]
        return sizes + ([Way(self.batch_tokens, -(-self.threads // 2))] if self.threads > 1 else [])

    @property
    def tokens_tried(self) -> int:
        """How many tokens tell ways apart: two of the largest batches a thread."""
        return 2 * 2 * self.batch_tokens * self.threads

    @property
    def tokens_before(self) -> int:
        """After how many tokens trying takes little beside what was done."""
        return round((1 + len(self.others())) * _ROUNDS * self.tokens_tried / _MOST_OF_WORK)


def remembered_way(what: str, usual: Way) -> Way | None:
    """Return the way that was found best for what is named so, where the usual one is this; None if none was tried."""
    known = measured(_FILE, Way._fields).get(_key(what, usual))
    try:
        return None if known is None else Way(*(max(1, int(known[name])) for name in Way._fields))
    except (TypeError, ValueError, OverflowError):  # somebody else wrote it
        return None


def best_way(what: str, usual: Way, run: Callable[[Way], object]) -> Way:
    """Try ways in turn, remember the fastest, and return it: the usual one unless another is clearly faster.

    Parameters
    ----------
    what
        A model, its precision and a machine, in words.
    usual
        What is taken otherwise.
    run
        Reads the same texts in a way that it is given.
    """
    ways = [usual, *usual.others()]
    seconds = dict.fromkeys(ways, math.inf)
    for _ in range(_ROUNDS):
        for way in ways:
            started = time.perf_counter()
            run(way)
            seconds[way] = min(seconds[way], time.perf_counter() - started)
    fastest = min(ways, key=seconds.__getitem__)
    best = fastest if seconds[usual] >= _LEAST_SPEEDUP * seconds[fastest] else usual
    facts = best._asdict() | {"seconds": {f"{way.batch_tokens}, {way.threads}": seconds[way] for way in ways}}
    keep_measured(_FILE, measured(_FILE, Way._fields) | {_key(what, usual): facts})
    return best


def _key(what: str, usual: Way) -> str:
    return f"{what}: {usual.batch_tokens} tokens, {usual.threads} threads"
