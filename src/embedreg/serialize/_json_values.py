"""JSON without names, an ablation of the paper."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from embedreg.serialize._base import TextSerializer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embedreg.serialize._fields import Key


class JsonValuesSerializer(TextSerializer):
    """Write a record's values as a JSON list, in the natural order of their names.

    Names are dropped at every level, so that records with other keys but the same values read the same.

    Parameters
    ----------
    numbers
        How numbers are written: "significant:N", "decimals:N" or "as_is".

    References
    ----------
    Tang, Yang, Song (2025), "Understanding LLM Embeddings for Regression": its ablation of names (Fig. 9).

    Examples
    --------
    >>> JsonValuesSerializer()({"x10": 0.123456, "x2": "relu", "sub": {"on": True, "sizes": [64, 2.0]}})
    '[[true, [64, 2]], "relu", 0.1235]'
    """

    name: ClassVar[str] = "json_values"

    def _mapping_text(self, keys: Sequence[Key], texts: Sequence[str]) -> str:  # noqa: ARG002 (dropped names)
        return self._list_text(texts)

    def _list_text(self, texts: Sequence[str]) -> str:
        return f"[{', '.join(texts)}]"
