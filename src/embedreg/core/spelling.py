"""What a text spells, wherever it comes from: a number, or that there is no value."""

from __future__ import annotations

import math
import re
from typing import Final

MISSING_WORDS: Final = frozenset({"", "NA", "N/A", "NaN", "nan", "null", "NULL"})

_INFINITIES: Final = {
    **dict.fromkeys(("inf", "Inf", "Infinity", "+inf", "+Inf", "+Infinity"), math.inf),
    **dict.fromkeys(("-inf", "-Inf", "-Infinity"), -math.inf),
}
_NUMBER_STARTS: Final = frozenset("+-.0123456789")
_MOST_DIGITS: Final = 4300  # Python reads no longer int
_CLOCK: Final = re.compile(
    r"(?P<sign>-?)((?P<days>\d{1,9}) days?,? \+?)?(?P<hours>\d{1,4}):(?P<minutes>[0-5]\d)(:(?P<seconds>[0-5]\d(\.\d{1,9})?))?",
    re.ASCII,
)
_OTHERWISE: Final = re.compile(r"-?[€$£¥]? ?\d{1,3}(,\d{3})+(\.\d+)?|-?[€$£¥] ?\d+(\.\d+)?", re.ASCII)
_DECIMAL_COMMA: Final = re.compile(r"-?[€$£¥]? ?\d+,\d{1,3}", re.ASCII)


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


def spelt_seconds(text: str) -> float | None:
    """Return the seconds of a time of day since midnight, or of a duration, that a text spells, or None.

    That is as tables write them: hours, minutes and perhaps seconds, after a number of days where there are some.

    Examples
    --------
    >>> [spelt_seconds(text) for text in ("07:30", "1:00:00.5", "-1 day, 23:59:59", "2 days 00:00:01", "7:5", "3:60")]
    [27000.0, 3600.5, -1.0, 172801.0, None, None]
    """
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        return None
    days = int(found["days"] or 0) * (-1 if found["sign"] else 1)
    own = int(found["hours"]) * 3600 + int(found["minutes"]) * 60 + float(found["seconds"] or 0)
    # Python and pandas write a negative duration as days to take away and hours to add
    return days * 86_400 + own if found["days"] or not found["sign"] else -own


def looks_numeric(text: str, *, decimal_comma: bool = False) -> bool:
    """Whether a text that spells no number may be meant as one: with commas between thousands, or a currency.

    Examples
    --------
    >>> [looks_numeric(text) for text in ("1,234,567", "€12.50", "12,5", "3,3,3", "12")]
    [True, True, False, False, False]
    >>> looks_numeric("12,5", decimal_comma=True)
    True
    """
    text = text.strip()
    return bool(_OTHERWISE.fullmatch(text) or (decimal_comma and _DECIMAL_COMMA.fullmatch(text)))
