"""record -> text: deterministic, and injective on what it keeps."""

from __future__ import annotations

from embedreg.serialize._base import TextSerializer
from embedreg.serialize._input_numbers import input_hashes, input_numbers
from embedreg.serialize._json import JsonSerializer
from embedreg.serialize._json_values import JsonValuesSerializer
from embedreg.serialize._key_value import KeyValueSerializer
from embedreg.serialize._numbers import DEFAULT_NUMBERS
from embedreg.serialize._own import check_own, own_identity
from embedreg.serialize._registry import DEFAULT_SERIALIZER, SERIALIZERS, make_serializer, serialize_records
from embedreg.serialize._values import ValuesSerializer

__all__ = [
    "DEFAULT_NUMBERS",
    "DEFAULT_SERIALIZER",
    "SERIALIZERS",
    "JsonSerializer",
    "JsonValuesSerializer",
    "KeyValueSerializer",
    "TextSerializer",
    "ValuesSerializer",
    "check_own",
    "input_hashes",
    "input_numbers",
    "make_serializer",
    "own_identity",
    "serialize_records",
]
