"""Serializers by name, and the texts of many records."""

from __future__ import annotations

import pytest

from embedreg.core.errors import DataError, UsageError
from embedreg.serialize import (
    DEFAULT_NUMBERS,
    DEFAULT_SERIALIZER,
    SERIALIZERS,
    JsonSerializer,
    TextSerializer,
    ValuesSerializer,
    make_serializer,
    serialize_records,
)


class Shouting:
    """A serializer of someone else's, without a number format."""

    def __call__(self, record):
        return str(record).upper()

    def settings(self):
        return {}


def test_names():
    assert set(SERIALIZERS) == {"json", "json_values", "key_value", "values"}
    assert DEFAULT_SERIALIZER == "json"
    assert make_serializer() == JsonSerializer(DEFAULT_NUMBERS)
    assert make_serializer("values", "as_is") == ValuesSerializer("as_is")


@pytest.mark.parametrize("name", ["jsn", "", "JSON", None, 5, ["json"], JsonSerializer, object()])
def test_unknown_names(name):
    with pytest.raises(UsageError, match="expected one of json, json_values, key_value, values"):
        make_serializer(name)


def test_the_nearest_name_is_proposed():
    with pytest.raises(UsageError, match="did you mean 'json'"):
        make_serializer("jsn")


@pytest.mark.parametrize("name", SERIALIZERS)
def test_unknown_number_formats(name):
    with pytest.raises(UsageError, match="numbers='4 digits'"):
        make_serializer(name, "4 digits")


@pytest.mark.parametrize("serializer", [JsonSerializer("as_is"), Shouting()])
def test_a_serializer_is_returned_as_it_is(serializer):
    assert make_serializer(serializer) is serializer


def test_a_serializer_keeps_its_own_number_format():
    own = JsonSerializer("as_is")
    assert make_serializer(own, "as_is") is own
    with pytest.raises(UsageError, match="numbers='decimals:2' with JsonSerializer"):
        make_serializer(own, "decimals:2")


def test_a_new_serializer_takes_two_methods():
    class Lines(TextSerializer):
        name = "lines"

        def _mapping_text(self, keys, texts):
            return "\n".join(f"{key.raw}: {text}" for key, text in zip(keys, texts, strict=True))

        def _list_text(self, texts):
            return ",".join(texts)

    assert Lines()({"b": [1, 2], "a": 0.123456}) == "a: 0.1235\nb: 1,2"


def test_texts_of_records():
    assert serialize_records(make_serializer("values"), [{"a": 1}, "text", {"a": 2}]) == ["1", "text", "2"]
    assert serialize_records(make_serializer(), []) == []


def test_the_row_of_a_record_that_cannot_be_written_is_named():
    records = [{"a": 1}, {"a": b"raw"}]
    with pytest.raises(DataError, match="got bytes in field a, row 1;"):
        serialize_records(make_serializer(), records)
    with pytest.raises(DataError, match="row 101;"):
        serialize_records(make_serializer(), records, first_row=100)
