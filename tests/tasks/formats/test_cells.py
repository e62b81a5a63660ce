from __future__ import annotations

import datetime as dt
import decimal
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedreg.core.errors import UsageError
from embedreg.tasks.formats._cells import cell_text, cell_value, nan_to_none


@pytest.mark.parametrize("cell", ["", " ", "NA", "N/A", "NaN", "nan", "null", "NULL", " NA "])
def test_missing(cell):
    assert cell_value(cell) is None


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("0", 0),
        ("-12", -12),
        (" 7 ", 7),
        ("123456789012345678901234567890", 123456789012345678901234567890),
        ("1.50", 1.5),
        ("-.5", -0.5),
        ("+49", 49),
        ("+1.5", 1.5),
        ("+inf", math.inf),
        ("5.", 5.0),
        ("0.1", 0.1),
        ("1e5", 100000.0),
        ("1E-3", 0.001),
        ("inf", math.inf),
        ("-Infinity", -math.inf),
        ("true", True),
        ("FALSE", False),
    ],
)
def test_numbers_and_truth_values(cell, value):
    found = cell_value(cell)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "cell",
    [
        "007",
        "-007",
        "00",
        "007.5",
        "+07",
        "+-5",
        "+",
        "1_000",
        "1e999",
        "-1e999",
        "-nan",
        "1,5",
        "0x1F",
        "12a",
        "1-2",
        "-",
        ".",
        "--5",
        "1e",
        "2020-01-01",
        "None",
        "yes",
        "tRUE",
        "infinite",
        "٣",
        "5²",
        "\uff11.\uff15",
        "9" * 5000,
        " padded text ",
    ],
)
def test_all_else_stays_as_it_is(cell):
    assert cell_value(cell) == cell


@given(st.one_of(st.integers(), st.floats(allow_nan=False), st.booleans(), st.none()))
def test_what_is_written_is_read_back(value):
    found = cell_value(cell_text(value))
    assert found == value
    assert type(found) is type(value)


@given(st.text())
def test_a_text_is_written_as_it_is(text):
    assert cell_text(text) == text


@given(st.text())
def test_any_text_has_a_value(text):
    assert isinstance(cell_value(text), (str, int, float, bool, type(None)))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (False, "false"),
        (1e-7, "1e-07"),
        ([1, None, "é"], '[1, null, "é"]'),
        ({"a": {"b": 0.5}}, '{"a": {"b": 0.5}}'),
        (dt.date(2024, 2, 29), "2024-02-29"),
        (dt.datetime(2024, 2, 29, 12, 30), "2024-02-29T12:30:00"),
        (dt.time(1, 2), "01:02:00"),
        (dt.timedelta(hours=1), "1:00:00"),
        (decimal.Decimal("1.10"), "1.10"),
        ([dt.date(2024, 2, 29)], '["2024-02-29"]'),
    ],
)
def test_text_of_other_values(value, text):
    assert cell_text(value) == text


def test_binary_cannot_be_text():
    with pytest.raises(UsageError, match="bytes"):
        cell_text(b"x")


def test_only_nan_is_missing_among_typed_cells():
    assert nan_to_none(math.nan) is None
    assert [nan_to_none(cell) for cell in (math.inf, 0.0, "NaN", False)] == [math.inf, 0.0, "NaN", False]
