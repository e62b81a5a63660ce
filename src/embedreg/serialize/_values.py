"""Bare values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from embedreg.serialize._base import TextSerializer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from embedreg.serialize._fields import Key
    from embedreg.serialize._numbers import NumberFormat


class ValuesSerializer(TextSerializer):
    """Write a record's values one after the other, in the natural order of their names.

    Names are dropped at every level, as in `JsonValuesSerializer`; nested values stand in brackets. A
    record without values is {}.

    Parameters
    ----------
    numbers
        How numbers are written: "significant:N", "decimals:N" or "as_is".

    Examples
    --------
    >>> ValuesSerializer()({"x10": 0.123456, "x2": "relu", "sub": {"on": True, "sizes": [64, 2.0]}})
    '[true [64 2]] "relu" 0.1235'
    """

    name: ClassVar[str] = "values"

    def _record(self, record: Mapping[str, Any], number: NumberFormat) -> str:
        return super()._record(record, number)[1:-1] or "{}"

    def _mapping_text(self, keys: Sequence[Key], texts: Sequence[str]) -> str:  # noqa: ARG002 (dropped names)
        return self._list_text(texts)

    def _list_text(self, texts: Sequence[str]) -> str:
        return f"[{' '.join(texts)}]"
