from __future__ import annotations

import math

import pytest

from embedreg.core.errors import DataError
from embedreg.features._layout import MAX_ITEMS, Layout, path_name


def named(records):
    layout, columns = Layout.learn(records)
    names = layout.names()
    return {names[path]: cells for path, cells in columns.items()}


def test_nested_mappings_are_flattened_in_the_order_of_appearance():
    columns = named([{"b": 1, "a": {"y": 2}}, {"a": {"x": {"z": 3}, "y": 4}, "c": 5}])
    assert columns == {"b": [1, None], "a.y": [2, 4], "a.x.z": [None, 3], "c": [None, 5]}
    assert list(columns) == ["b", "a.y", "a.x.z", "c"]


def test_a_field_that_holds_scalars_and_mappings_is_two():
    assert named([{"opt": "sgd"}, {"opt": {"name": "adam"}}]) == {
        "opt": ["sgd", None],
        "opt.name": [None, "adam"],
    }


def test_missing_values_and_absent_keys_are_none():
    assert named([{"a": math.nan}, {"a": None}, {}, {"a": 1}]) == {"a": [None, None, None, 1]}


def test_lists_of_one_length_are_expanded_also_when_nested():
    columns = named([{"m": [[1, 2], [3, 4]]}, {"m": None}, {"m": [[5, 6], [7, 8]]}])
    assert columns == {
        "m[0][0]": [1, None, 5],
        "m[0][1]": [2, None, 6],
        "m[1][0]": [3, None, 7],
        "m[1][1]": [4, None, 8],
    }


def test_ragged_lists_are_summarised():
    assert named([{"w": [1, 3, "relu"]}, {"w": []}, {}]) == {
        "w: length": [3, 0, None],
        "w: mean": [2.0, None, None],
        "w: minimum": [1.0, None, None],
        "w: maximum": [3.0, None, None],
        "w: text": ["relu", None, None],
    }


def test_what_a_summary_says_of_infinite_missing_and_nested_items():
    columns = named(
        [{"w": [math.inf, -math.inf, None]}, {"w": [{"op": "conv", "k": 3}, ["a", None], "b", True]}]
    )
    assert columns["w: length"] == [3, 4]
    assert columns["w: mean"] == [None, 1.0]  # the mean of both infinities is no number
    assert columns["w: maximum"] == [math.inf, 1.0]
    assert columns["w: text"] == [None, "op=conv k=3 a  b"]


def test_a_value_without_features_inside_a_ragged_list_is_refused():
    with pytest.raises(DataError, match="type set"):
        Layout.learn([{"w": [{1}]}, {"w": [1, 2]}])


def test_long_lists_are_summarised():
    assert "w: mean" in named([{"w": list(range(MAX_ITEMS + 1))}])
    assert f"w[{MAX_ITEMS - 1}]" in named([{"w": list(range(MAX_ITEMS))}])


def test_reading_gives_the_columns_of_training_whatever_the_records_hold():
    layout, _ = Layout.learn([{"a": 1, "w": [1, 2], "r": [1]}, {"a": 2, "w": [3, 4], "r": [1, 2]}])
    columns = layout.read([{"r": [5, 5]}])
    assert list(columns) == list(layout.paths)
    assert {path_name(path): cells for path, cells in columns.items()} == {
        "a": [None],
        "w[0]": [None],
        "w[1]": [None],
        "r: length": [2],
        "r: mean": [5.0],
        "r: minimum": [5.0],
        "r: maximum": [5.0],
        "r: text": [None],
    }


def test_reading_puts_what_is_unknown_last():
    layout, _ = Layout.learn([{"a": 1, "w": [1, 2]}])
    columns = layout.read([{"new": {"x": 1}, "a": {"b": 2}, "w": [1, 2, 3]}])
    assert [path_name(path) for path in columns] == ["a", "w[0]", "w[1]", "new.x", "a.b", "w[2]"]
    assert columns[("a",)] == [None]


def test_names_are_quoted_when_they_would_be_ambiguous():
    assert list(named([{"a.b": 1, "a": {"b": 2}}])) == ["'a.b'", "'a'.'b'"]
    assert list(named([{"a.b": 1}])) == ["a.b"]


def test_keys_need_not_be_texts():
    assert named([{1: "x", "": "y"}]) == {"1": ["x"], "": ["y"]}


def test_an_empty_mapping_holds_no_column_and_an_empty_record_is_allowed():
    assert named([{"a": {}}, {}]) == {}


def test_keys_that_are_written_alike_are_refused():
    with pytest.raises(DataError, match="such as 1 and '1'"):
        Layout.learn([{1: "a"}, {"1": "b"}])
