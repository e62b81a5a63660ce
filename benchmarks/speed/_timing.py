"""Seconds of calls that run in turn."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


_REST = 0.05  # threads of a call spin for a little after its end, and would slow the next one


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def in_turn(calls: Mapping[str, Callable[[], object]], pairs: int) -> dict[str, list[float]]:
    """Return the seconds of each call by its name: A B C, A B C, so that the n-th of each are neighbours in time."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(pairs):
        for name, call in calls.items():
            time.sleep(_REST)
            found[name].append(round(seconds(call), 6))
    return found
