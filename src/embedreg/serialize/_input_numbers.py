"""Which records are the same input."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from embedreg.core.spelling import spelt_number
from embedreg.serialize._registry import make_serializer, serialize_records

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from embedreg.core.records import Record

_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d")
_HASH_BYTES: Final = 8  # two of a billion different records share a hash with a probability of 0.03


def input_numbers(records: Sequence[Record]) -> NDArray[np.intp]:
    """Return a number a record, shape (n,), which equal records share and different ones do not.

    Of a mapping's values equal are also 1, 1.0 and "1", NaN and None, a day and its midnight, and a moment and its text, be
    there a T or a space between day and time.

    Examples
    --------
    >>> input_numbers([{"lr": 0.1}, {"lr": 0.2}, {"lr": 0.1}])
    array([0, 1, 0])
    """
    numbers: dict[str, int] = {}
    found = [numbers.setdefault(text, len(numbers)) for text in _canonical_texts(records)]
    return np.array(found, dtype=np.intp)


def input_hashes(records: Sequence[Record], fields: Collection[str] | None = None) -> NDArray[np.uint64]:
    """Return 64 bits a record, shape (n,), which equal records share, on any machine; different ones all but never do.

    Parameters
    ----------
    records
        n mappings or texts.
    fields
        Names of those that count: what else a mapping has is no part of it, nor is a field without a value. None for all.

    Examples
    --------
    >>> first, again = input_hashes([{"lr": 0.1, "act": "relu"}, {"act": "relu", "lr": 0.1}])
    >>> bool(first == again)
    True
    """
    found = [_hash_of(text) for text in _canonical_texts(records, fields)]
    return np.frombuffer(b"".join(found), dtype="<u8").astype(np.uint64)


def _canonical_texts(records: Sequence[Record], fields: Collection[str] | None = None) -> list[str]:
    # a text is its own record, whatever it spells
    found = [record if isinstance(record, str) else _canonical(record) for record in records]
    if fields is not None:
        found = [_with_fields(record, fields) if isinstance(record, dict) else record for record in found]
    return serialize_records(make_serializer("json", "as_is"), found)


def _with_fields(record: dict[str, Any], fields: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name in fields and value is not None}


def _canonical(value: Any) -> Any:
    """Return a value as it is however a file or a frame wrote it: "0.50" is 0.5, NaN is none, midnight is its day."""
    if isinstance(value, str):
        number = spelt_number(value)
        held = _spelt_moment(value) if number is None else number
        return value if held is None else _canonical(held)
    if isinstance(value, float):
        return int(value) if value.is_integer() else None if math.isnan(value) else value
    if isinstance(value, Mapping):
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_canonical(item) for item in value]
    if isinstance(value, dt.datetime) and value.tzinfo is None and value.time() == dt.time():
        return value.date()
    return value


def _spelt_moment(text: str) -> dt.datetime | None:
    """Return the moment that a text spells, as `to_csv` and other programs write it, or None."""
    if not _MOMENT.match(text):
        return None
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        return None


def _hash_of(text: str) -> bytes:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=_HASH_BYTES).digest()
