"""Which records are the same input."""

from __future__ import annotations

import numpy as np
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
