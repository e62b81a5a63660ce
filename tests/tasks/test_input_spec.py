from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedreg.core.errors import DataError, UsageError
from embedreg.core.records import MAX_TEXT_BYTES
from embedreg.tasks import InputSpec
from embedreg.tasks._input_spec import check_columns
from embedreg.tasks.formats import Row
from embedreg.tasks.formats._cells import cell_value, nan_to_none

NAMES = st.text(min_size=1)
SPECS = st.one_of(
    st.builds(InputSpec, st.none() | NAMES),
    st.builds(InputSpec, st.none() | NAMES, text=NAMES),
    st.builds(InputSpec, st.none() | NAMES, unwrap=NAMES),
    st.builds(InputSpec, st.none() | NAMES, columns=st.lists(NAMES, min_size=1).map(tuple)),
)


@given(SPECS)
def test_json_round_trip(spec):
    assert InputSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_json_leaves_out_what_is_not_given():
    assert InputSpec("y", text="t").to_json() == {"target": "y", "text": "t"}


def test_chosen_columns_are_typed_in_their_order():
    row = Row(1, 2, {"y": "3", "b": "007", "a": "1.50", "id": "9"})
    record = InputSpec("y", columns=("a", "b")).record(row, cell_value)
    assert list(record.items()) == [("a", 1.5), ("b", "007")]


def test_a_text_is_not_typed():
    assert InputSpec("y", text="t").record(Row(1, 2, {"t": "123", "y": "1"}), cell_value) == "123"


def test_a_mapping_is_the_record_itself():
    assert InputSpec("y", unwrap="x").record(Row(1, 1, {"x": {"a": 1}, "y": 1}), nan_to_none) == {"a": 1}


def test_own_names_leave_out_the_target_only():
    assert InputSpec("y").record(Row(1, 1, {"b": 1, "y": 2, "a": None}), nan_to_none) == {"b": 1, "a": None}


def test_a_row_may_lack_a_chosen_column():
    assert InputSpec("y", columns=("a", "b")).record(Row(1, 1, {"b": 1}), nan_to_none) == {"b": 1}


@pytest.mark.parametrize(
    ("spec", "cell", "said"),
    [
        (InputSpec("y", text="x"), None, "nothing as the text in column 'x' at row 3"),
        (InputSpec("y", text="x"), 5, "type int as the text"),
        (InputSpec("y", unwrap="x"), "a", "type str as the mapping"),
        (InputSpec("y", columns=("x",)), b"\0", "binary data in column 'x' at row 3"),
        (InputSpec("y"), b"\0", "binary data in column 'x' at row 3"),
        (InputSpec("y"), "a\0b", "NUL character in column 'x' at row 3"),
        (InputSpec("y", columns=("x",)), ["a", {"b": "\ud800"}], "surrogate .* in column 'x' at row 3"),
        (InputSpec("y", unwrap="x"), {"a": [{"b\0": 1}]}, "NUL character in column 'x' at row 3"),
        (InputSpec("y"), "a" * (MAX_TEXT_BYTES + 1), "more than 1,000,000 bytes in column 'x' at row 3"),
    ],
)
def test_cells_that_cannot_be_an_input(spec, cell, said):
    with pytest.raises(DataError, match=said):
        spec.record(Row(3, None, {"x": cell, "y": 1}), nan_to_none)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (InputSpec("y", text="t"), "the text in column 't'"),
        (InputSpec("y", unwrap="x"), "the mapping in column 'x'"),
        (InputSpec("y"), "each row's own names but 'y'"),
        (InputSpec(None), "each row's own names"),
        (InputSpec("y", columns=("a",)), "column 'a'"),
        (
            InputSpec("y", columns=tuple("abcdefghij")),
            "columns 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h' and 2 more",
        ),
    ],
)
def test_description(spec, said):
    assert spec.describe() == said


@pytest.mark.parametrize(
    ("name", "mend"),
    [
        ("lerning_rate", "did you mean 'learning_rate'?"),
        ("Y", "did you mean 'y'?"),
        ("depth", "did you mean ' depth'?"),
        ("???", "choose one of those"),
    ],
)
def test_unknown_columns_come_with_the_nearest(name, mend):
    known = ("learning_rate", " depth", "y")
    with pytest.raises(UsageError, match=r"data\.csv") as error:
        check_columns(["y", name], known, Path("data.csv"))
    assert error.value.mend == mend
    assert error.value.expected == "one of 'learning_rate', ' depth', 'y'"


def test_a_thousand_columns_are_not_all_listed():
    with pytest.raises(UsageError) as error:
        check_columns(["y"], [f"x{i}" for i in range(1000)], Path("data.csv"))
    assert error.value.expected.endswith(" and 960 more")
