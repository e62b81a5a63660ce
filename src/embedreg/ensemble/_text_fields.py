"""Which fields of records hold texts, and what is written in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from embedreg.features import is_missing, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from embedreg.core.records import Record
    from embedreg.ensemble._field_ranks import Path

_KINDS_OF_TEXT: Final = 10  # fewer are categories
MOST_FIELDS: Final = 6
_LOOKED_AT: Final = 1000  # records, to see which fields have texts


def text_fields(records: Sequence[Record]) -> list[Path]:
    """Return the fields that hold texts: strings in most records, of at least ten kinds; the six with most kinds, those first."""
    if isinstance(records[0], str):
        return [()]
    return _fields_by_kinds(records)[:MOST_FIELDS]


def further_text_fields(records: Sequence[Record]) -> list[str]:
    """Return the names of fields that hold texts as well, beyond as many as are read."""
    if isinstance(records[0], str):
        return []
    return ["the texts of " + ".".join(map(str, path)) for path in _fields_by_kinds(records)[MOST_FIELDS:]]


def _fields_by_kinds(records: Sequence[Record]) -> list[Path]:
    kinds: dict[Path, set[str]] = {}
    counts: Counter[Path] = Counter()
    for record in records[:_LOOKED_AT]:
        for path, text in _texts((), record):
            kinds.setdefault(path, set()).add(text)
            counts[path] += 1
    looked_at = min(len(records), _LOOKED_AT)
    found = [path for path in kinds if counts[path] > looked_at / 2 and len(kinds[path]) >= _KINDS_OF_TEXT]
    return sorted(found, key=lambda path: -len(kinds[path]))


def _texts(path: Path, value: Any) -> Iterator[tuple[Path, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts((*path, key), item)
    elif isinstance(value, str) and value.strip():
        yield path, value


def text_at(record: Any, path: Path) -> str:
    """Return what a field holds, written as a text; a dash where it holds nothing, or several values.

    Whether a code is text or number is often the file's doing (CSV makes a number of "10115"), so both are read alike.

    Examples
    --------
    >>> text_at({"sku": "10115"}, ("sku",)), text_at({"sku": 10115}, ("sku",)), text_at({"sku": None}, ("sku",))
    ('10115', '10115', '-')
    """
    if not path:
        return str(record)
    for key in path:
        record = record.get(key) if isinstance(record, Mapping) else None
    if isinstance(record, (Mapping, list, tuple)) or is_missing(record):
        return "-"
    text = written(record)
    return text if text.strip() else "-"
