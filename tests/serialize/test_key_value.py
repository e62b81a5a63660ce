"""Names and values."""

from __future__ import annotations

import pytest

from embedreg.serialize import KeyValueSerializer

write = KeyValueSerializer()


def test_pairs():
    assert write({"lr": 0.1, "act": "relu"}) == 'act="relu", lr=0.1'


def test_nested_mappings_have_dotted_names_and_lists_are_json():
    record = {"b": {"y10": 1, "y2": {"z": "a"}}, "a": [1, {"d": 1, "c": [2]}]}
    assert write(record) == 'a=[1, {"c": [2], "d": 1}], b.y2.z="a", b.y10=1'


@pytest.mark.parametrize(
    "key",
    ["", "a.b", "a=b", "a,b", "a b", 'a"b', "a'b", "a[0]", "{a}", "(a)", "a\\b", "a\tb", "\x01", "\u2003"],
)
def test_names_that_could_be_misread_are_quoted(key):
    assert write({key: 1}).startswith('"')
    assert write({"in": {key: 1}}).startswith('in."')


@pytest.mark.parametrize("key", ["a", "learning_rate", "clf:svm:C", "a-b", "a/b", "50%", "é", "東京", "x1"])
def test_other_names_are_bare(key):
    assert write({key: 1}) == f"{key}=1"


def test_a_dot_in_a_name_is_no_nesting():
    assert write({"a.b": 1}) == '"a.b"=1'
    assert write({"a": {"b": 1}}) == "a.b=1"


def test_empty_mappings():
    assert write({}) == "{}"
    assert write({"a": {}}) == "a={}"
    assert write({"a": {"b": {}}}) == "a.b={}"
    assert write({"a": {}, "b": 1}) == "a={}, b=1"
