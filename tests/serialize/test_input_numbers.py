"""Which records are the same input."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from embedreg.serialize import input_numbers


@given(st.lists(st.sampled_from([{"a": 1}, {"a": 1.5}, {"b": 1}, "a text", "another", {"a": {"b": 1}}])))
def test_equal_records_share_a_number_and_others_do_not(records):
    found = input_numbers(records)
    assert found.shape == (len(records),)
    assert [[a == b for a in found] for b in found] == [[a == b for a in records] for b in records]


def test_numbers_count_up():
    assert input_numbers(["b", "a", "b", "c"]).tolist() == [0, 1, 0, 2]
