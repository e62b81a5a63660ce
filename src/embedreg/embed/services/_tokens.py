"""How many tokens a text has for a service, whose tokenizer is not here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_LETTERS_A_TOKEN: Final = 4
_PARTS: Final = re.compile(r"([A-Za-z]+)|([0-9]+)|[^\sA-Za-z0-9]")
ESTIMATE: Final = "estimated, rather too high than too low"


def estimate_tokens(text: str, digits_a_token: int = 1) -> int:
    """Estimate a text's tokens, rather too high than too low.

    A word counts a token for every four letters begun, a number one for every `digits_a_token` digits begun,
    any other visible ASCII character one, and what is not ASCII one for every two bytes of UTF-8.

    Examples
    --------
    >>> estimate_tokens("learning rate"), estimate_tokens("0.1235", digits_a_token=3)
    (3, 4)
    """
    tokens = 0
    for part in _PARTS.finditer(text):
        if part[1] is not None:
            tokens += -(-len(part[1]) // _LETTERS_A_TOKEN)
        elif part[2] is not None:
            tokens += -(-len(part[2]) // digits_a_token)
        else:
            tokens += max(1, len(part[0].encode("utf-8", "replace")) // 2)
    return max(1, tokens)


def estimate_all(texts: Iterable[str], digits_a_token: int = 1) -> list[int]:
    """Estimate the tokens of each text."""
    return [estimate_tokens(text, digits_a_token) for text in texts]


def shortened(text: str, limit: int, digits_a_token: int = 1) -> str:
    """Return the longest beginning of a text that is estimated at `limit` tokens at most, one character at least.

    Examples
    --------
    >>> shortened("one two three", 2)
    'one two '
    """
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if estimate_tokens(text[:middle], digits_a_token) <= limit:
            low = middle
        else:
            high = middle - 1
    return text[:low]
