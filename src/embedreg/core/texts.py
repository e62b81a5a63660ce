"""Texts that an embedding model can read, checked before any long work."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from embedreg.core.errors import DataError
from embedreg.core.records import MAX_TEXT_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROWS_NAMED: Final = 5
_BROKEN: Final = re.compile(r"[\x00\ud800-\udfff]")
_NUL: Final = "a NUL character"
_SURROGATE: Final = "a lone surrogate (half of a character)"
_BLANK: Final = "nothing but blanks"
_TOO_LONG: Final = f"more than {MAX_TEXT_BYTES:,} bytes"


class _Advice(NamedTuple):
    expected: str
    mend: str


_ADVICE: Final = {
    _BLANK: _Advice(
        "at least one character that is not blank in every text",
        "drop those rows, or write what their absence means, such as 'unknown'",
    ),
    _NUL: _Advice("texts without NUL, which is no part of any writing", "remove it: text.replace('\\0', '')"),
    _SURROGATE: _Advice(
        "texts that can be written as UTF-8",
        "read the file with the encoding it was written in, or text.encode('utf-8', 'replace').decode()",
    ),
    _TOO_LONG: _Advice(
        f"at most {MAX_TEXT_BYTES:,} bytes of UTF-8 in a text",
        "check that no whole file was read as one text; split or shorten the texts",
    ),
}


def check_texts(texts: Sequence[str], *, first_row: int = 0, field: str | None = None) -> None:
    """Refuse texts that cannot be embedded, naming their rows.

    Parameters
    ----------
    texts
        n texts.
    first_row
        Number of the first one in the caller's data, for the message.
    field
        Where they are in the caller's records, for the message; None where each is a whole record's text.

    Raises
    ------
    DataError
        If a text is empty or blank, holds a NUL or a lone surrogate, or takes more than `MAX_TEXT_BYTES` of
        UTF-8.

    Examples
    --------
    >>> check_texts(["a red car", "a blue car"])
    >>> check_texts(["a red car", " "])
    Traceback (most recent call last):
    ...
    embedreg.core.errors.DataError: got nothing but blanks in the text of row 1; expected ...
    """
    faults = [
        (row, fault) for row, text in enumerate(texts, first_row) if (fault := _fault(text)) is not None
    ]
    if not faults:
        return
    first = faults[0][1]
    rows = [row for row, fault in faults if fault == first]
    where = _rows_text(rows) + ("" if field is None else f" in field {field!r}")
    raise text_error(first, where)


def cell_fault(cell: object) -> str | None:
    r"""Return what a text in a cell, however deep within lists and mappings, holds that cannot be used, in words, or None.

    Blank texts may be. The words are for `text_error`.

    Examples
    --------
    >>> cell_fault({"note": ["", "a red car"]})
    >>> cell_fault({"note": ["a\0b"]})
    'a NUL character'
    """
    waiting = [cell]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            if (fault := broken_character(value) or _length_fault(value)) is not None:
                return fault
        elif isinstance(value, Mapping):
            waiting += [*value.values(), *value]
        elif isinstance(value, (list, tuple)):
            waiting += value
    return None


def text_error(fault: str, place: str) -> DataError:
    """Return the error that names what is wrong with a text, and where.

    Examples
    --------
    >>> print(text_error("a NUL character", "column 'note' at row 3"))
    got a NUL character in column 'note' at row 3; expected texts without NUL, ...
    """
    return DataError(f"{fault} in {place}", expected=_ADVICE[fault].expected, mend=_ADVICE[fault].mend)


def too_long(place: str) -> DataError:
    """Return the error for texts that together are too long for one.

    Examples
    --------
    >>> print(too_long("all columns at row 3"))
    got more than 1,000,000 bytes in all columns at row 3; expected at most 1,000,000 bytes ...
    """
    return text_error(_TOO_LONG, place)


def broken_character(text: str) -> str | None:
    r"""Return what a text holds that cannot be written or tokenised, in words, or None.

    Examples
    --------
    >>> broken_character("naïve")
    >>> broken_character("a\0b")
    'a NUL character'
    """
    if text.isascii():
        return _NUL if "\0" in text else None
    found = _BROKEN.search(text)
    if found is None:
        return None
    return _NUL if found[0] == "\0" else _SURROGATE


def _fault(text: str) -> str | None:
    if not text or text.isspace():
        return _BLANK
    if (broken := broken_character(text)) is not None:
        return broken
    return _length_fault(text)


def _length_fault(text: str) -> str | None:
    return _TOO_LONG if len(text) > MAX_TEXT_BYTES or _utf8_length(text) > MAX_TEXT_BYTES else None


def _utf8_length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _rows_text(rows: list[int]) -> str:
    named = ", ".join(map(str, rows[:_ROWS_NAMED]))
    if len(rows) == 1:
        return f"the text of row {named}"
    more = ", ..." if len(rows) > _ROWS_NAMED else ""
    return f"the texts of {len(rows):,} rows ({named}{more})"
