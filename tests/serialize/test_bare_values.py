"""Bare values."""

from __future__ import annotations

from embedreg.serialize import ValuesSerializer

write = ValuesSerializer()


def test_values_in_the_order_of_their_names():
    assert write({"lr": 0.1, "act": "relu", "x10": 2, "x2": None}) == '"relu" 0.1 null 2'


def test_nested_values_stand_in_brackets():
    assert write({"a": [1, [2, 3]], "b": {"d": True, "c": "x y"}, "c": []}) == '[1 [2 3]] ["x y" true] []'


def test_a_single_nested_value_keeps_its_brackets():
    assert write({"a": [1, 2]}) == "[1 2]"
    assert write({"a": 1, "b": 2}) == "1 2"


def test_an_empty_mapping_is_not_an_empty_list():
    assert write({}) == "{}"
    assert write({"a": []}) == "[]"
    assert write({"a": {}}) == "[]"
