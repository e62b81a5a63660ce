"""What a cached vector is looked up by."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from embedreg.core.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_KEY_BYTES = 16


@dataclass(frozen=True)
class Space:
    """The vectors of one embedder: those that may stand in for one another when their texts are equal.

    Attributes
    ----------
    fingerprint
        Canonical JSON of `Embedder.fingerprint()`.
    dimension
        Length d of a vector.
    """

    fingerprint: str
    dimension: int

    @classmethod
    def of(cls, fingerprint: Mapping[str, Any], dimension: int) -> Space:
        """Return the space of an embedder with that fingerprint.

        Raises
        ------
        ModelError
            If the fingerprint is not made of JSON values.
        """
        return cls(canonical(fingerprint), dimension)

    @cached_property
    def digest(self) -> bytes:
        """Return the sha256 that names the space."""
        return hashlib.sha256(f"{self.dimension}:{self.fingerprint}".encode()).digest()

    def keys(self, texts: Iterable[str]) -> list[bytes]:
        """Return a key of 16 bytes for each text, which names both the text and the space.

        The serializer needs no part of its own: an embedder sees nothing but its output, so equal texts have
        equal vectors whichever serializer wrote them.
        """
        blank = hashlib.blake2b(key=self.digest, digest_size=_KEY_BYTES)
        keys = []
        for text in texts:
            named = blank.copy()
            named.update(text.encode("utf-8", "surrogatepass"))  # a lone surrogate is a valid str
            keys.append(named.digest())
        return keys


def canonical(fingerprint: Mapping[str, Any]) -> str:
    """Return a fingerprint as JSON, the same for equal ones.

    Raises
    ------
    ModelError
        If it is not made of JSON values.
    """
    try:
        return json.dumps(dict(fingerprint), sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ModelError(
            f"an embedder's fingerprint that is no JSON ({error})",
            expected="a mapping from str to JSON values",
            mend="return only texts, finite numbers, booleans, None, lists and dicts from fingerprint()",
        ) from error
