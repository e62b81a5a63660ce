"""Which texts go into which request."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embedreg.embed.services._service import Limits


@dataclass(frozen=True)
class Request:
    """Texts that are sent together.

    Attributes
    ----------
    positions
        Of the texts among all those to be sent.
    tokens
        How many they have together, as estimated.
    """

    positions: range
    tokens: int


def plan_requests(texts: Sequence[str], tokens: Sequence[int], limits: Limits) -> list[Request]:
    """Fill requests, in the order of the texts, up to the first limit that is met.

    A text that is over a limit all by itself is a request of its own.

    Examples
    --------
    >>> from embedreg.embed.services._service import Limits
    >>> [r.positions for r in plan_requests(["a", "b", "c", "d"], [1, 5, 1, 1], Limits(items=2, tokens=5))]
    [range(0, 1), range(1, 2), range(2, 4)]
    """
    requests: list[Request] = []
    start = sum_tokens = sum_bytes = 0
    for position, (text, more) in enumerate(zip(texts, tokens, strict=True)):
        size = _bytes(text)
        full = (
            position - start >= limits.items
            or (limits.tokens is not None and sum_tokens + more > limits.tokens)
            or (limits.bytes is not None and sum_bytes + size > limits.bytes)
        )
        if full and position > start:
            requests.append(Request(range(start, position), sum_tokens))
            start, sum_tokens, sum_bytes = position, 0, 0
        sum_tokens += more
        sum_bytes += size
    if start < len(texts):
        requests.append(Request(range(start, len(texts)), sum_tokens))
    return requests


def _bytes(text: str) -> int:
    """Return the bytes of a text written in JSON, with a comma, where what is not ASCII may be escaped."""
    return len(json.dumps(text)) + 1
