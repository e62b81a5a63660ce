"""What every serializer promises, whatever its form and number format."""

from __future__ import annotations

import copy
import itertools
import json
import math
import pickle
from collections import defaultdict
from decimal import Decimal
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from embedreg.core.errors import DataError
from embedreg.core.protocols import Serializer
from embedreg.serialize import SERIALIZERS, make_serializer

NUMBERS = ("significant:4", "significant:1", "decimals:0", "decimals:3", "as_is")
NAMELESS = {"json_values", "values"}

# few and alike, so that two drawn records are often nearly the same, and full of what separates fields
KEYS = ["a", "b", "a.b", "a b", "a=1", "", '"a"', "x2", "x10"]
TEXTS = ["", " ", "1", "null", "[]", "{}", '"', '"1"', "\\", "a", "a, b=1", "a b", "1, 2", "1 2"]
NUMBERS_TO_WRITE = [0, 1, -1, 12, 1.5, 0.1, 0.12, 1e-9, 1e300, 2**70, 2**70 + 1, float("inf"), float("nan")]

scalars = st.none() | st.booleans() | st.sampled_from(NUMBERS_TO_WRITE) | st.sampled_from(TEXTS)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=2),
    max_leaves=5,
)
records = st.dictionaries(st.sampled_from(KEYS), values, max_size=3)
any_records = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5),
    values | st.integers() | st.floats() | st.dates() | st.datetimes() | st.decimals() | st.timedeltas(),
    max_size=5,
)


@pytest.fixture(params=SERIALIZERS)
def name(request):
    return request.param


@pytest.fixture(params=NUMBERS)
def numbers(request):
    return request.param


@pytest.fixture
def serializer(name, numbers):
    return make_serializer(name, numbers)


def meaning(value, serializer):
    """Return what a serializer keeps of a value, as something that can be compared: an oracle of its own."""
    nameless = serializer.settings()["name"] in NAMELESS
    if isinstance(value, dict):
        parts = [(None if nameless else key, meaning(value[key], serializer)) for key in in_order(value)]
        return ("list", *(part for _, part in parts)) if nameless else ("mapping", *parts)
    if isinstance(value, list):
        return ("list", *(meaning(item, serializer) for item in value))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return ("number", rounded(value, serializer.settings()["numbers"]))
    return (type(value).__name__, value)


def in_order(keys):
    """Sort this module's keys, of which x2 and x10 alone hold digits to be compared as numbers."""
    return sorted(keys, key=lambda key: ("x", int(key[1:])) if key in {"x2", "x10"} else (key, 0))


def rounded(number, numbers):
    kind, _, digits = numbers.partition(":")
    if math.isnan(number):
        return "NaN"
    if kind == "as_is" or number == float("inf") or (number == int(number) and abs(number) < 2**64):
        return number
    if kind == "significant":
        return float(format(float(number), f".{digits}g"))
    return round(number, int(digits)) if abs(number) < 2**64 else number


def disguised(value):
    """Return an equal value made of other types, with its keys in another order."""
    if isinstance(value, dict):
        return MappingProxyType({key: disguised(value[key]) for key in reversed(value)})
    if isinstance(value, list):
        return tuple(map(disguised, value))
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value) if abs(value) < 2**1000 and float(value) == value else Decimal(value)
    if isinstance(value, float):
        return np.float64(value) if not value.is_integer() else int(value)
    return value


def test_is_a_serializer(serializer):
    assert isinstance(serializer, Serializer)


def test_name_is_that_of_the_registry(name):
    assert SERIALIZERS[name].name == name


def test_settings_are_json_and_make_an_equal_serializer(serializer):
    stored = json.loads(json.dumps(serializer.settings()))
    assert make_serializer(**stored) == serializer
    assert make_serializer(**stored).settings() == serializer.settings()


def test_equal_by_settings_and_hashable():
    every = [make_serializer(name, numbers) for name in SERIALIZERS for numbers in NUMBERS]
    again = [make_serializer(name, numbers) for name in SERIALIZERS for numbers in NUMBERS]
    assert every == again
    assert len(set(every + again)) == len(every)


def test_cannot_be_changed(serializer):
    with pytest.raises(AttributeError):
        serializer.numbers = "as_is"


def test_can_be_copied_and_sent_to_another_process(serializer):
    assert copy.deepcopy(serializer) == serializer
    assert pickle.loads(pickle.dumps(serializer)) == serializer


@given(text=st.text())
@settings(deadline=None, max_examples=20)
def test_a_text_is_returned_as_it_is(text):
    for name in SERIALIZERS:
        assert make_serializer(name)(text) is text


@given(record=any_records)
@settings(deadline=None, max_examples=100)
def test_every_record_has_a_text_and_always_the_same(record):
    for name, numbers in itertools.product(SERIALIZERS, NUMBERS):
        text = make_serializer(name, numbers)(record)
        assert isinstance(text, str)
        assert text.strip()
        assert make_serializer(name, numbers)(copy.deepcopy(record)) == text
        text.encode()


@given(record=any_records, random=st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=100)
def test_the_order_of_insertion_changes_nothing(record, random):
    shuffled = list(record.items())
    random.shuffle(shuffled)
    for name in SERIALIZERS:
        assert make_serializer(name)(dict(shuffled)) == make_serializer(name)(record)


@given(one=records, other=records)
@settings(deadline=None, max_examples=300)
def test_different_records_have_different_texts_unless_rounding_made_them_equal(one, other):
    for name, numbers in itertools.product(SERIALIZERS, NUMBERS):
        serializer = make_serializer(name, numbers)
        if serializer(one) == serializer(other):
            assert meaning(one, serializer) == meaning(other, serializer)


def test_no_two_records_of_many_alike_have_one_text(serializer):
    """Try every record of one or two fields made to be confused, which random draws would not meet."""
    confusable = [
        None,
        True,
        0,
        1,
        1.5,
        "",
        "1",
        "null",
        "a",
        "1, 2",
        [],
        {},
        [1],
        [[]],
        [1, 2],
        {"b": 1},
        {"a.b": 1},
        ["1"],
    ]
    pairs = itertools.product(KEYS, confusable)
    meanings = defaultdict(set)
    for one, other in itertools.combinations_with_replacement(pairs, 2):
        record = dict([one, other])
        meanings[serializer(record)].add(meaning(record, serializer))
    assert len(meanings) > 200
    assert {text: found for text, found in meanings.items() if len(found) > 1} == {}


def test_a_record_without_fields_has_a_text_of_its_own(serializer):
    assert serializer({}) in {"{}", "[]"}
    assert serializer({}) not in {serializer({"a": value}) for value in ([], {}, "", None, "{}", "[]")}


@given(record=any_records)
@settings(deadline=None, max_examples=100)
@example(record={"b": {"d": 2**70, "c": [1e300, -0.0]}, "a": 5})
def test_equal_records_have_equal_texts(record):
    for name, numbers in itertools.product(SERIALIZERS, NUMBERS):
        serializer = make_serializer(name, numbers)
        assert serializer(disguised(record)) == serializer(record)


def test_numbers_that_are_equal_read_the_same_whatever_their_type(serializer):
    for equal in ([5, 5.0], [0, 0.0, -0.0], [2**70, float(2**70)]):
        assert len({serializer({"a": number}) for number in equal}) == 1


def test_a_number_is_not_the_text_that_reads_like_it(serializer):
    for number in (5, 0.5, -1.5):
        assert serializer({"a": number}) != serializer({"a": str(number)})


@pytest.mark.parametrize("value", [b"raw", {1}, object()])
def test_what_has_no_text_is_refused_with_its_place(serializer, value):
    with pytest.raises(DataError, match=rf"got {type(value).__name__} in field a\.b\[1\];.*to mend: "):
        serializer({"a": {"b": [0, value]}})
