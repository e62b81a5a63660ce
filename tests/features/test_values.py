from __future__ import annotations

import datetime as dt
import decimal
import math

import numpy as np
import pandas as pd
import pytest

from embedreg.core.errors import DataError
from embedreg.features import TabularFeatures
from embedreg.features._values import check_types, is_missing, is_number, number, written


@pytest.mark.parametrize(
    "cell", [None, math.nan, decimal.Decimal("NaN"), decimal.Decimal("sNaN"), pd.NA, pd.NaT]
)
def test_missing_cells_of_every_library(cell):
    assert is_missing(cell)


@pytest.mark.parametrize(
    "cell", [0, 0.0, "", "nan", False, math.inf, decimal.Decimal(0), dt.date(2024, 1, 1)]
)
def test_a_falsy_cell_is_not_missing(cell):
    assert not is_missing(cell)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        (3, 3.0),
        (True, 1.0),
        (decimal.Decimal("0.25"), 0.25),
        (" -1e-3 ", -0.001),
        (dt.timedelta(minutes=2), 120.0),
        (dt.time(1, 2, 3, 500_000), 3723.5),
        (10**400, math.inf),
        (-(10**400), -math.inf),
        (decimal.Decimal("1e400"), math.inf),
        (-1.7e308, -math.inf),
        ("inf", math.inf),
    ],
)
def test_number_reads_what_holds_or_spells_one(cell, value):
    assert number(cell) == value


@pytest.mark.parametrize("cell", ["", "auto", "nan", "1,5", dt.date(2024, 1, 1), dt.datetime(2024, 1, 1)])
def test_number_is_none_for_anything_else(cell):
    assert number(cell) is None


def test_a_spelt_number_and_a_boolean_are_no_numbers_by_type():
    assert [is_number(cell) for cell in (1, 0.5, dt.time(1), "1", True)] == [True, True, True, False, False]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (1.0, "1"),
        (1, "1"),
        (1e300, str(int(1e300))),
        (0.5, "0.5"),
        (math.inf, "inf"),
        (True, "true"),
        (dt.date(2024, 2, 3), "2024-02-03"),
        ("ß", "ß"),
    ],
)
def test_written(cell, text):
    assert written(cell) == text


@pytest.mark.parametrize("cell", [b"bytes", {1, 2}, object(), 1j])
def test_a_value_without_traditional_features_is_refused_by_field_and_type(cell):
    with pytest.raises(DataError, match=rf"type {type(cell).__name__} in field 'f'"):
        check_types("f", [None, 1, cell])


def test_subclasses_of_plain_types_are_accepted():
    check_types("f", [np.float64(1.0), pd.Timestamp("2024-01-01"), None])


def test_truths_are_written_alike_whichever_way_a_file_has_them():
    records = [{"flag": flag} for flag in ("true", "false", "auto") * 5]
    features = TabularFeatures().fit(records)

    as_csv_has_them = features.transform([{"flag": True}, {"flag": False}, {"flag": "True"}])

    expected = features.transform([{"flag": "true"}, {"flag": "false"}, {"flag": "true"}])
    np.testing.assert_array_equal(as_csv_has_them, expected)
