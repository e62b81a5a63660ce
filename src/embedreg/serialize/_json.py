"""JSON, the default form of the paper."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from embedreg.serialize._base import TextSerializer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embedreg.serialize._fields import Key


class JsonSerializer(TextSerializer):
    """Write a record as JSON, keys in natural order.

    Parameters
    ----------
    numbers
        How numbers are written: "significant:N", "decimals:N" or "as_is".

    References
    ----------
    Tang, Yang, Song (2025), "Understanding LLM Embeddings for Regression": its default.

    Examples
    --------
    >>> JsonSerializer()({"x10": 0.123456, "x2": "relu", "sub": {"on": True, "sizes": [64, 2.0]}})
    '{"sub": {"on": true, "sizes": [64, 2]}, "x2": "relu", "x10": 0.1235}'
    """

    name: ClassVar[str] = "json"

    def _mapping_text(self, keys: Sequence[Key], texts: Sequence[str]) -> str:
        return "{" + ", ".join([f"{key.quoted}: {text}" for key, text in zip(keys, texts, strict=True)]) + "}"

    def _list_text(self, texts: Sequence[str]) -> str:
        return f"[{', '.join(texts)}]"
