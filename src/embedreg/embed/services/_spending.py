"""What was asked for, what it cost, and where the money ends."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from embedreg.core.errors import EmbedregError

_MILLION = 1_000_000


class SpendingCapError(EmbedregError, RuntimeError):
    """The next request could cost more than `max_cost` leaves."""


@dataclass(frozen=True)
class Usage:
    """What an embedder has asked of its service so far.

    Attributes
    ----------
    requests
        Answered as they should be.
    failures
        Attempts that brought nothing.
    tokens
        As the service counted them, or estimated where it did not say. Those of failed attempts that the
        service may charge for are in it too.
    cost
        In USD, or None if no price is known.
    """

    requests: int
    failures: int
    tokens: int
    cost: float | None


class Ledger:
    """Counts tokens and keeps the cost below a cap. Threads share it.

    Parameters
    ----------
    price
        USD for a million tokens, or None if it is not known.
    max_cost
        USD that may be spent, or None.
    """

    def __init__(self, price: float | None, max_cost: float | None) -> None:
        self._price = price
        self._max_cost = max_cost
        self._lock = threading.Lock()
        self._requests = self._failures = self._tokens = self._reserved = 0

    def reserve(self, tokens: int) -> None:
        """Set the estimated tokens of a request aside, before it is sent.

        Raises
        ------
        SpendingCapError
            If they could cost more than is left.
        """
        with self._lock:
            at_most = self._cost(self._tokens + self._reserved + tokens)
            if self._max_cost is not None and at_most is not None and at_most > self._max_cost:
                raise SpendingCapError(
                    f"a request that could bring the cost to {dollars(at_most)}, after"
                    f" {dollars(self._cost(self._tokens))} spent",
                    expected=f"max_cost={self._max_cost:g} USD at most",
                    mend="raise max_cost; what was paid for is kept in the cache and not paid for again",
                )
            self._reserved += tokens

    def release(self, tokens: int) -> None:
        """Give back what was reserved."""
        with self._lock:
            self._reserved -= tokens

    def answered(self, tokens: int) -> None:
        """Note a good answer."""
        with self._lock:
            self._requests += 1
            self._tokens += tokens

    def failed(self, tokens: int) -> None:
        """Note a failed attempt, and the tokens it may have cost."""
        with self._lock:
            self._failures += 1
            self._tokens += tokens

    def usage(self) -> Usage:
        """Return the counts so far."""
        with self._lock:
            return Usage(self._requests, self._failures, self._tokens, self._cost(self._tokens))

    def _cost(self, tokens: int) -> float | None:
        return None if self._price is None else tokens * self._price / _MILLION


def dollars(amount: float | None) -> str:
    """Write an amount of USD with as many digits as it needs.

    Examples
    --------
    >>> dollars(0.00012), dollars(12.3), dollars(None)
    ('$0.00012', '$12.30', 'an unknown amount')
    """
    if amount is None:
        return "an unknown amount"
    return f"${amount:.2f}" if amount >= 1 or amount == 0 else f"${amount:.2g}"
