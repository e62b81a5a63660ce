"""Which records are the same input."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedreg.serialize import input_hashes, input_numbers


@given(st.lists(st.sampled_from([{"a": 1}, {"a": 1.5}, {"b": 1}, "a text", "another", {"a": {"b": 1}}])))
def test_equal_records_share_a_number_and_others_do_not(records):
    found = input_numbers(records)
    assert found.shape == (len(records),)
    assert [[a == b for a in found] for b in found] == [[a == b for a in records] for b in records]


def test_numbers_count_up():
    assert input_numbers(["b", "a", "b", "c"]).tolist() == [0, 1, 0, 2]


@given(st.lists(st.sampled_from([{"a": 1}, {"a": 1.5}, {"b": 1}, "a text", "\ud800", {"a": {"b": 1}}])))
def test_records_share_a_hash_where_they_share_a_number(records):
    hashes, numbers = input_hashes(records), input_numbers(records)
    assert hashes.dtype == np.uint64
    assert [[a == b for a in hashes] for b in hashes] == [[a == b for a in numbers] for b in numbers]


def test_a_hash_is_the_same_in_another_process():
    """Python's own hash() is not; a saved model is read by another process."""
    assert input_hashes([{"b": 1, "a": "x"}, {"a": "x", "b": 1.0}]).tolist() == [15440946726957038482] * 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (0.5, "0.50"),
        (1, 1.0),
        (0, "0"),
        (math.nan, None),
        (dt.datetime(2024, 1, 1), "2024-01-01"),
        (dt.date(2024, 1, 1), dt.datetime(2024, 1, 1)),
        (dt.datetime(2024, 1, 1, 10, 11, 12), "2024-01-01 10:11:12"),
        ("2024-01-01T10:11:12", "2024-01-01 10:11:12"),
        ("2024-01-01 10:00:00+01:00", dt.datetime(2024, 1, 1, 9, tzinfo=dt.UTC)),
        (7, "+7"),
        ([1.0, {"a": "2"}], [1, {"a": 2.0}]),
    ],
)
def test_however_a_file_or_a_frame_wrote_it(one, other):
    first, second = input_hashes([{"x": one}, {"x": other}])
    assert first == second


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("007", 7),
        ("3.10.1", "3.1.1"),
        (True, 1),
        ("a", "A"),
        (0.5, 0.25),
        (None, ""),
        (dt.datetime(2024, 1, 1, 3), "2024-01-01"),
    ],
)
def test_what_is_not_the_same(one, other):
    assert len(set(input_numbers([{"x": one}, {"x": other}]))) == 2


def test_texts_stay_texts_whatever_they_spell():
    texts = ["123", "123.0", "-inf", "2024-01-01 10:00:00", "nan", "", "123"]
    assert input_numbers(texts).tolist() == [0, 1, 2, 3, 4, 5, 0]
    assert len(set(input_hashes(texts))) == 6
