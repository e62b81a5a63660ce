"""When the next request may go out."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_MINUTE = 60.0


class Pace:
    """Spreads requests evenly, so that no minute has more of them, or of their tokens, than allowed.

    Threads share it. Each asks when its turn is, and waits by itself.

    Parameters
    ----------
    requests, tokens
        How many a minute; None sets no limit.
    clock
        Seconds that only grow.
    """

    def __init__(
        self, requests: float | None, tokens: float | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._requests = requests
        self._tokens = tokens
        self._clock = clock
        self._lock = threading.Lock()
        self._next = self._held = clock()

    def turn(self, tokens: int) -> float:
        """Take the next turn for a request of so many tokens, and return in how many seconds it is.

        Examples
        --------
        >>> pace = Pace(requests=60, tokens=6000, clock=lambda: 0.0)
        >>> pace.turn(50), pace.turn(300), pace.turn(50)
        (0.0, 1.0, 4.0)
        """
        with self._lock:
            now = self._clock()
            start = max(now, self._next, self._held)
            gaps = [
                amount * _MINUTE / rate
                for amount, rate in ((1, self._requests), (tokens, self._tokens))
                if rate is not None
            ]
            self._next = start + max(gaps, default=0.0)
            return start - now

    @property
    def is_held(self) -> bool:
        """Whether the service asked that nothing be sent now."""
        with self._lock:
            return self._clock() < self._held

    def hold(self, seconds: float) -> None:
        """Let no turn come before so many seconds are over: the service asked for it."""
        with self._lock:
            self._held = max(self._held, self._clock() + seconds)
