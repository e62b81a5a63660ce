"""What a text spells, wherever it comes from: a number, or that there is no value."""

from __future__ import annotations

import math
from typing import Final

MISSING_WORDS: Final = frozenset({"", "NA", "N/A", "NaN", "nan", "null", "NULL"})

_INFINITIES: Final = {
    **dict.fromkeys(("inf", "Inf", "Infinity", "+inf", "+Inf", "+Infinity"), math.inf),
    **dict.fromkeys(("-inf", "-Inf", "-Infinity"), -math.inf),
}
_NUMBER_STARTS: Final = frozenset("+-.0123456789")
_MOST_DIGITS: Final = 4300  # Python reads no longer int


def spells_missing(text: str) -> bool:
    """Whether a text says that there is no value: nothing, NA, N/A, NaN, nan, null or NULL.

    Examples
    --------
    >>> spells_missing(" "), spells_missing("nan"), spells_missing("Nan")
    (True, True, False)
    """
    return text.strip() in MISSING_WORDS


def spelt_number(text: str) -> int | float | None:
    """Return the number that a text spells, or None; white space around it does not count.

    Digits are an int, with a point or an exponent a float; inf and Infinity too. A plus before it is none of it. No number
    are codes like 007, 1_000, and what no float holds, like 1e999.

    Examples
    --------
    >>> [spelt_number(text) for text in ("12", " -1.50", "+3", "1e-3", "-inf", "007", "1_000", "nan")]
    [12, -1.5, 3, 0.001, -inf, None, None, None]
    """
    text = text.strip()
    if text in _INFINITIES:
        return _INFINITIES[text]
    if text[:1] not in _NUMBER_STARTS or not text.isascii() or "_" in text:
        return None
    digits = text[1:] if text[0] in "+-" else text
    if digits[:1] == "0" and digits[1:2].isdigit():
        return None
    if digits.isdigit():
        return int(text) if len(digits) <= _MOST_DIGITS else None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
