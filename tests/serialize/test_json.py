"""JSON, with and without names."""

from __future__ import annotations

import json

import pytest

from embedreg.serialize import JsonSerializer, JsonValuesSerializer

RECORD = {"lr": 0.1, "act": "relu", "x10": [1, {"b": 1, "a": None}], "x2": {"d": True, "c": 2.0}}


def test_the_papers_form():
    assert JsonSerializer()({"lr": 0.1, "act": "relu"}) == '{"act": "relu", "lr": 0.1}'
    assert JsonValuesSerializer()({"lr": 0.1, "act": "relu"}) == '["relu", 0.1]'


def test_nested():
    assert JsonSerializer()(RECORD) == (
        '{"act": "relu", "lr": 0.1, "x2": {"c": 2, "d": true}, "x10": [1, {"a": null, "b": 1}]}'
    )


def test_names_are_dropped_at_every_level():
    assert JsonValuesSerializer()(RECORD) == '["relu", 0.1, [2, true], [1, [null, 1]]]'
    renamed = {"a": "relu", "b": 0.1, "c": {"x": 2, "y": True}, "d": [1, {"x": None, "y": 1}]}
    assert JsonValuesSerializer()(renamed) == JsonValuesSerializer()(RECORD)


@pytest.mark.parametrize("key", ["", " ", "a b", "a.b", "a=b", '"', "\\", "é", "\n", "{"])
def test_any_text_is_a_name(key):
    assert json.loads(JsonSerializer()({key: 1})) == {key: 1}


def test_empty():
    assert JsonSerializer()({}) == "{}"
    assert JsonValuesSerializer()({}) == "[]"
    assert JsonValuesSerializer()({"a": []}) == "[[]]"


def test_each_has_its_number_format():
    assert JsonSerializer("decimals:1")({"a": 0.123456}) == '{"a": 0.1}'
    assert JsonSerializer("as_is")({"a": 0.123456}) == '{"a": 0.123456}'
    assert JsonSerializer()({"a": 0.123456}) == '{"a": 0.1235}'
