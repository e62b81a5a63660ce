from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedreg.ensemble._field_ranks import FieldRanks

fields = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=300)


@settings(max_examples=60, deadline=None)
@given(fields, st.lists(st.floats(-2e9, 2e9), min_size=2, max_size=20))
def test_ranks_keep_the_order_and_fit_two_digits(values, asked):
    ranks = FieldRanks.learn([{"x": value} for value in values])
    found = [record["x"] for record in ranks.transform([{"x": x} for x in sorted(asked)])]
    assert found == sorted(found)
    assert all(isinstance(rank, int) and 0 <= rank <= 99 for rank in found)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=100, unique=True))
def test_up_to_a_hundred_values_get_their_positions(values):
    ranks = FieldRanks.learn([{"x": value} for value in values])
    records = ranks.transform([{"x": value} for value in sorted(values)])
    assert [record["x"] for record in records] == list(range(len(values)))


def test_nested_fields_have_ranks_of_their_own():
    records = [{"net": {"widths": [10, 1000], "act": "relu"}}, {"net": {"widths": [20, 500]}}]
    ranks = FieldRanks.learn(records)
    assert ranks.transform(records) == [
        {"net": {"widths": [0, 1], "act": "relu"}},
        {"net": {"widths": [1, 0]}},
    ]


def test_what_training_had_not_stays_as_it_is():
    ranks = FieldRanks.learn([{"lr": 0.1}, {"lr": 0.2}])
    assert ranks.transform([{"batch": 64, "lr": "high", "on": True}, "a text"]) == [
        {"batch": 64, "lr": "high", "on": True},
        "a text",
    ]


def test_a_number_between_two_gets_the_nearer_one():
    ranks = FieldRanks.learn([{"x": 0.0}, {"x": 1.0}, {"x": 10.0}])
    found = ranks.transform([{"x": 0.4}, {"x": 0.6}, {"x": -99}, {"x": 99}, {"x": 5.4}])
    assert [record["x"] for record in found] == [0, 1, 0, 2, 1]


def test_the_records_given_are_left_alone():
    records = [{"x": [1, 2]}, {"x": [3, 4]}]
    FieldRanks.learn(records).transform(records)
    assert records == [{"x": [1, 2]}, {"x": [3, 4]}]


@pytest.mark.parametrize("gap", [None, float("nan"), float("inf")])
def test_gaps_are_no_numbers(gap):
    ranks = FieldRanks.learn([{"x": gap}, {"x": 1.0}, {"x": 2.0}])
    assert [values.tolist() for values in ranks.values.values()] == [[1.0, 2.0]]


@settings(max_examples=40, deadline=None)
@given(fields)
def test_json_keeps_every_rank(values):
    records = [{"x": value, "nested": {"list": [value]}} for value in values]
    ranks = FieldRanks.learn(records)
    loaded = FieldRanks.from_json(json.loads(json.dumps(ranks.to_json())))
    assert loaded.transform(records) == ranks.transform(records)
    for path, own in ranks.values.items():
        np.testing.assert_array_equal(loaded.values[path], own)
