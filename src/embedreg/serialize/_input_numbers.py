"""Which records are the same input."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import numpy as np

from embedreg.serialize._registry import make_serializer, serialize_records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from embedreg.core.records import Record

_HASH_BYTES: Final = 8  # two of a billion different records share a hash with a probability of 0.03


def input_numbers(records: Sequence[Record]) -> NDArray[np.intp]:
    """Return a number a record, shape (n,), which equal records share and different ones do not.

    Examples
    --------
    >>> input_numbers([{"lr": 0.1}, {"lr": 0.2}, {"lr": 0.1}])
    array([0, 1, 0])
    """
    numbers: dict[str, int] = {}
    found = [numbers.setdefault(text, len(numbers)) for text in _canonical_texts(records)]
    return np.array(found, dtype=np.intp)


def input_hashes(records: Sequence[Record]) -> NDArray[np.uint64]:
    """Return 64 bits a record, shape (n,), which equal records share, on any machine; different ones all but never do.

    Examples
    --------
    >>> first, again = input_hashes([{"lr": 0.1, "act": "relu"}, {"act": "relu", "lr": 0.1}])
    >>> bool(first == again)
    True
    """
    found = [_hash_of(text) for text in _canonical_texts(records)]
    return np.frombuffer(b"".join(found), dtype="<u8").astype(np.uint64)


def _canonical_texts(records: Sequence[Record]) -> list[str]:
    return serialize_records(make_serializer("json", "as_is"), records)


def _hash_of(text: str) -> bytes:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=_HASH_BYTES).digest()
