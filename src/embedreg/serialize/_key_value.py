"""Names and values without JSON's braces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from embedreg.serialize._fields import deeper, ordered_keys
from embedreg.serialize._json import JsonSerializer

if TYPE_CHECKING:
    from embedreg.serialize._fields import Path
    from embedreg.serialize._numbers import NumberFormat


class KeyValueSerializer(JsonSerializer):
    """Write a record as `name=value` pairs, nested mappings by dotted names.

    A name with blanks, brackets, quotes or one of `.=,` in it is quoted. Lists, and mappings inside lists,
    are JSON. An empty mapping is {}.

    Parameters
    ----------
    numbers
        How numbers are written: "significant:N", "decimals:N" or "as_is".

    Examples
    --------
    >>> KeyValueSerializer()({"x10": 0.123456, "x2": "relu", "sub": {"on": True, "sizes": [64, 2.0]}})
    'sub.on=true, sub.sizes=[64, 2], x2="relu", x10=0.1235'
    """

    name: ClassVar[str] = "key_value"

    def _record(self, record: Mapping[str, Any], number: NumberFormat) -> str:
        return ", ".join(self._pairs(record, number, "", ())) or "{}"

    def _pairs(
        self, mapping: Mapping[str, Any], number: NumberFormat, prefix: str, path: Path
    ) -> Iterator[str]:
        for key in ordered_keys(mapping, path):
            name, value = prefix + key.label, mapping[key.raw]
            if isinstance(value, (dict, Mapping)) and value:
                yield from self._pairs(value, number, f"{name}.", deeper(path, key.raw))
            else:
                yield f"{name}={self._value(value, number, path, key.raw)}"
