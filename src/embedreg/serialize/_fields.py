"""Where in a record a value is, in words and in order."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from embedreg.core.errors import DataError
from embedreg.core.records import MAX_DEPTH
from embedreg.core.texts import broken_character

if TYPE_CHECKING:
    from collections.abc import Mapping

Path: TypeAlias = "tuple[object, ...]"
"""Keys and list positions, from the record down to a value."""

quote = json.JSONEncoder(ensure_ascii=False).encode
"""Write a str as JSON does, other alphabets as they are."""

_DIGITS: Final = re.compile("([0-9]+)")
_NEEDS_QUOTES: Final = re.compile(r"""^$|[\s\x00-\x1f\ud800-\udfff.=,"'()\[\]{}\\]""")
_LONGEST_PATH: Final = 200


class Key(NamedTuple):
    """A key of a mapping: itself, as JSON, and without quotes where it can do without."""

    raw: str
    quoted: str
    label: str


class _BadKeyError(Exception):
    """A key that cannot be written. It never leaves this module, as it lacks the path."""


def ordered_keys(mapping: Mapping[Any, Any], path: Path) -> tuple[Key, ...]:
    """Return a mapping's keys in natural order (x2 before x10), whatever order they were inserted in.

    Raises
    ------
    DataError
        If a key is no str, cannot be written, or reads as another one does.
    """
    try:
        return _ordered(tuple(mapping))
    except _BadKeyError as error:
        raise field_error(
            str(error), path, expected="keys that are texts, each of them once", mend="rename that key"
        ) from None


@lru_cache(
    maxsize=1024
)  # most records of a data set share their keys, and sorting them costs more than writing
def _ordered(keys: tuple[Any, ...]) -> tuple[Key, ...]:
    for key in keys:
        if not isinstance(key, str):
            raise _BadKeyError(f"the key {key!r} of type {type(key).__name__}")
        if (broken := broken_character(key)) is not None:
            raise _BadKeyError(f"{broken} in the key {key!a}")
    ordered = sorted(keys, key=_natural)
    written = [quote(key) for key in ordered]
    for before, after in pairwise(written):
        if before == after:
            raise _BadKeyError(f"two keys that both read {before}")
    labels = [
        text if _NEEDS_QUOTES.search(key) else text[1:-1] for key, text in zip(ordered, written, strict=True)
    ]
    return tuple(map(Key, ordered, written, labels))


def _natural(key: str) -> tuple[list[tuple[int, str]], str]:
    """Return a sort key by which runs of digits compare as numbers; between 1 and 01 the text decides."""
    parts = _DIGITS.split(key)  # text, digits, text, ...
    significant = [part.lstrip("0") if place % 2 else part for place, part in enumerate(parts)]
    return [(len(part) if place % 2 else 0, part) for place, part in enumerate(significant)], key


def deeper(path: Path, place: object) -> Path:
    """Return the path of what lies at `place` below `path`.

    Raises
    ------
    DataError
        If that is nested too deeply, as a list that holds itself is.
    """
    if len(path) >= MAX_DEPTH:
        raise field_error(
            f"more than {MAX_DEPTH} levels of nesting",
            path,
            expected="a record whose lists and mappings come to an end",
            mend="check that no list or mapping holds itself, or flatten the record",
        )
    return (*path, place)


def field_error(what: str, path: Path, *, expected: str, mend: str) -> DataError:
    """Return the error for the value at `path`."""
    where = f"field {path_text(path)}" if path else "the record"
    return DataError(f"{what} in {where}", expected=expected, mend=mend)


def path_text(path: Path) -> str:
    """Return a path as it is written in Python's and JavaScript's own notation.

    Examples
    --------
    >>> path_text(("optimizer", "betas", 1))
    'optimizer.betas[1]'
    """
    text = "".join(f"[{place}]" if isinstance(place, int) else f".{_printable(str(place))}" for place in path)
    text = text.removeprefix(".")
    return (
        text
        if len(text) <= _LONGEST_PATH
        else f"{text[: _LONGEST_PATH // 2]}...{text[-_LONGEST_PATH // 2 :]}"
    )


def _printable(key: str) -> str:
    return json.dumps(key) if _NEEDS_QUOTES.search(key) else key
