"""The order of keys, and which are refused."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from embedreg.core.errors import DataError
from embedreg.serialize import SERIALIZERS, make_serializer
from embedreg.serialize._fields import path_text

NAMED = ["json", "key_value"]


def keys_of(*keys):
    return make_serializer("key_value")(dict.fromkeys(keys, 0)).replace("=0", "").split(", ")


@pytest.mark.parametrize(
    "ordered",
    [
        ["x1", "x2", "x10", "x100"],
        ["layer2_unit10", "layer10_unit2", "layer10_unit10"],
        ["x", "x1", "xa"],
        ["1", "2", "10", "a"],
        ["v1-2", "v1-10", "v02-1"],
        ["B", "a"],
        ["x0", "x00", "x1"],
        ["x01", "x1", "x001y", "x1y"],
        ["naïve", "é", "東京"],
        ["x9999999999999999999999", "x10000000000000000000000"],
        ["x٣", "x٤"],
    ],
)
def test_natural_order_whatever_the_insertion_order(ordered):
    for keys in itertools.islice(itertools.permutations(ordered), 24):
        assert keys_of(*keys) == ordered


def test_a_run_of_digits_may_be_of_any_length():
    assert keys_of("x1" + "0" * 9000, "x9")[0] == "x9"


@pytest.mark.parametrize("name", SERIALIZERS)
def test_order_is_fixed_at_every_level(name):
    one = {"b": {"x10": 1, "x2": [{"d": 1, "c": 2}]}, "a": 3}
    other = {"a": 3, "b": {"x2": [{"c": 2, "d": 1}], "x10": 1}}
    assert make_serializer(name)(one) == make_serializer(name)(other)


@pytest.mark.parametrize("name", SERIALIZERS)
@pytest.mark.parametrize("key", [1, None, 1.5, True, b"a", ("a",)])
def test_other_keys_than_texts_are_refused(name, key):
    with pytest.raises(DataError, match="of type") as caught:
        make_serializer(name)({"a": {"b": {key: 1}}})
    assert f"the key {key!r} of type {type(key).__name__} in field a.b;" in str(caught.value)
    with pytest.raises(DataError, match="in the record;"):
        make_serializer(name)({key: 1})


@pytest.mark.parametrize("name", SERIALIZERS)
@pytest.mark.parametrize("key", ["a\0", "\ud800", "é\udc00"])
def test_keys_that_cannot_be_written_are_refused(name, key):
    with pytest.raises(DataError, match=r"in the key .* in field a;") as caught:
        make_serializer(name)({"a": {key: 1}})
    str(caught.value).encode()


@pytest.mark.parametrize("name", SERIALIZERS)
def test_keys_that_read_the_same_are_refused(name):
    class Name(str):
        __slots__ = ()
        __eq__ = object.__eq__
        __hash__ = object.__hash__

    with pytest.raises(DataError, match='two keys that both read "a" in the record;'):
        make_serializer(name)({Name("a"): 1, "a": 2})


@pytest.mark.parametrize("name", NAMED)
def test_numpy_texts_are_keys(name):
    assert make_serializer(name)({np.str_("a"): 1}) == make_serializer(name)({"a": 1})


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("a",), "a"),
        (("a", "b", 0, "c"), "a.b[0].c"),
        (("a.b", "c d", ""), '"a.b"."c d".""'),
        (("é", "\ud800"), 'é."\\ud800"'),
    ],
)
def test_paths(path, text):
    assert path_text(path) == text


def test_long_paths_are_cut_in_the_middle():
    text = path_text(("a" * 500, "end"))
    assert len(text) < 250
    assert text.endswith(".end")
