"""How many tokens a text has for a service, whose tokenizer is not here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_LETTERS_A_TOKEN: Final = 4
_OF_WORDS: Final = 12
"""Letters up to which there are so many to a token: longer ones are compounds, or no words."""
_PARTS: Final = re.compile(r"([A-Z]?[a-z]+)|([A-Z]+)|([0-9]+)|(\s{2,}|\n)|[^\sA-Za-z0-9]")
_BLANKS_A_TOKEN: Final = 4
ESTIMATE: Final = "estimated, rather too high than too low"


def estimate_tokens(text: str, digits_a_token: int = 1) -> int:
    """Estimate a text's tokens, rather too high than too low.

    A word counts a token for every four letters begun, and beyond twelve for every two; capitals two for every three letters, as
    in codes, proteins and DNA; a number one for every `digits_a_token` digits begun; an end of a line, or blanks in a row, a
    token for every four begun; any other visible ASCII character one, and what is not ASCII one for every two bytes
    of UTF-8.

    Examples
    --------
    >>> estimate_tokens("learning rate"), estimate_tokens("0.1235", digits_a_token=3), estimate_tokens("MKVLAT")
    (3, 4, 4)
    """
    tokens = 0
    for part in _PARTS.finditer(text):
        length = part.end() - part.start()
        if part[1] is not None:
            tokens += _begun(min(length, _OF_WORDS), _LETTERS_A_TOKEN) + _begun(max(0, length - _OF_WORDS), 2)
        elif part[2] is not None:
            tokens += _begun(2 * length, 3)
        elif part[3] is not None:
            tokens += _begun(length, digits_a_token)
        elif part[4] is not None:
            tokens += _begun(length, _BLANKS_A_TOKEN)
        else:
            tokens += max(1, len(part[0].encode("utf-8", "replace")) // 2)
    return max(1, tokens)


def _begun(number: int, each: int) -> int:
    """Return how many groups of `each` are begun."""
    return -(-number // each)


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
