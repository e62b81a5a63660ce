"""Which fields of records hold texts, and what is written in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from embedreg.core.texts import check_texts
from embedreg.features import are_words, is_missing, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from embedreg.core.records import Record
    from embedreg.ensemble._field_ranks import Path

_KINDS_OF_TEXT: Final = 10  # fewer are categories
_LEAST_FILLED: Final = 0.1  # of the records; what is said of fewer weighs little among all
MOST_FIELDS: Final = 6
_LOOKED_AT: Final = 1000  # records, to see what fields hold


def text_fields(records: Sequence[Record]) -> list[Path]:
    """Return the fields that hold texts; of more than six those with most different texts, these first.

    A field holds texts if a tenth of the records have a value there, and most of these values are strings, of at least ten kinds,
    that are no other way to write numbers, quantities or dates.
    """
    if isinstance(records[0], str):
        return [()]
    return _fields_by_kinds(records)[:MOST_FIELDS]


def further_text_fields(records: Sequence[Record]) -> list[str]:
    """Return the names of fields that hold texts as well, beyond as many as are read."""
    if isinstance(records[0], str):
        return []
    return ["the texts of " + _name(path) for path in _fields_by_kinds(records)[MOST_FIELDS:]]


def checked_texts(records: Sequence[Record], path: Path) -> list[str]:
    """Return what a field holds in each record, as `text_at` says.

    Raises
    ------
    DataError
        If a text cannot be embedded, naming field and row.
    """
    texts = [text_at(record, path) for record in records]
    check_texts(texts, field=_name(path) if path else None)
    return texts


def _name(path: Path) -> str:
    return ".".join(map(str, path))


def some_records(records: Sequence[Record]) -> list[Record]:
    """Return as many records as are looked at to see what fields hold, evenly spaced: the first may be those of the first day.

    Examples
    --------
    >>> [record["i"] for record in some_records([{"i": i} for i in range(2001)])[:4]]
    [0, 2, 4, 6]
    """
    count = min(len(records), _LOOKED_AT)
    return [records[i] for i in np.linspace(0, len(records) - 1, count).astype(int).tolist()]


def _fields_by_kinds(records: Sequence[Record]) -> list[Path]:
    columns: dict[Path, list[Any]] = {}
    looked_at = some_records(records)
    for record in looked_at:
        for path, value in _values((), record):
            columns.setdefault(path, []).append(value)
    kinds = {path: _kinds_of_text(cells, len(looked_at)) for path, cells in columns.items()}
    found = [path for path, count in kinds.items() if count >= _KINDS_OF_TEXT]
    return sorted(found, key=lambda path: -kinds[path])


def _kinds_of_text(cells: list[Any], looked_at: int) -> int:
    """Return how many different texts a field holds whose values in so many records are these; 0 if it is none of texts."""
    texts = [cell for cell in cells if isinstance(cell, str)]
    if len(cells) < _LEAST_FILLED * looked_at or 2 * len(texts) <= len(cells) or not are_words(cells):
        return 0
    return len(set(texts))


def _values(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    """Yield the single values of a record that are neither missing nor blank."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _values((*path, key), item)
    elif not _is_absent(value):
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
    return "-" if _is_absent(record) else written(record)


def _is_absent(value: Any) -> bool:
    """Whether a field has no value, or several."""
    if isinstance(value, str):
        return not value.strip()
    return isinstance(value, (Mapping, list, tuple)) or is_missing(value)
