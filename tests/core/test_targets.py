"""Targets that cannot be meant as numbers are refused, with the first row."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest

from embedreg.core.errors import DataError
from embedreg.core.records import Records
from embedreg.core.targets import LARGEST, check_targets

N = 6
RECORDS = Records([{"a": i} for i in range(N)])
Y = np.arange(N, dtype=float)
DAYS = np.datetime64("2020-01-01") + np.arange(N)


def with_second(value: object) -> np.ndarray:
    y = Y.astype(object)
    y[2] = value
    return y


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        (list(range(N)), Y),
        (Y.astype(np.float16), Y),
        (np.ma.masked_array(Y), Y),
        (np.ma.masked_array(Y, mask=np.zeros(N, dtype=bool)), Y),
        ([str(i) for i in range(N)], Y),
        ([Decimal(i) for i in range(N)], Y),
        (pd.Series(range(N), dtype="Int64"), Y),
        (pl.Series(range(N)), Y),
        (Y > 2, (Y > 2).astype(float)),
        (np.column_stack([Y, -Y]).tolist(), np.column_stack([Y, -Y])),
        ([10**25] * N, np.full(N, 1e25)),
        (np.full(N, 1e-310), np.full(N, 1e-310)),
        (np.linspace(-LARGEST, LARGEST, N), np.linspace(-LARGEST, LARGEST, N)),
        (1e-290 * Y, 1e-290 * Y),
    ],
    ids=str,
)
def test_numbers_are_taken_as_they_are(y, expected):
    found = check_targets(y, RECORDS)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("y", "said"),
    [
        (np.ma.masked_array(Y, mask=Y % 3 == 2), r"2 masked targets, the first in rows 2, 5.*\.filled"),
        (
            np.ma.masked_array(np.column_stack([Y, Y]), mask=np.column_stack([Y < 0, Y == 4])),
            "masked .*in rows 4",
        ),
        (np.ma.masked_array(DAYS, mask=Y == 1), "masked .*in rows 1"),
        (DAYS, "times: 2020-01-01 in row 0; .*a unit"),
        (DAYS - DAYS[0], "times: 0 days in row 0; .*a unit"),
        (np.array([np.timedelta64("NaT")] * N), "times: NaT in row 0"),
        (pd.Series(DAYS), "times"),
        (pd.Series(DAYS).dt.tz_localize("UTC"), "times: 2020-01-01 00:00:00.00:00 in row 0"),
        (pd.Series(DAYS) - DAYS[0], "times"),
        (pd.DatetimeIndex(DAYS), "times"),
        (pd.DataFrame({"y": Y, "t": DAYS}), "times: .* in row 0"),
        (pl.Series(DAYS), "times"),
        (with_second(dt.timedelta(1)), "times: 1 day, 0:00:00 in row 2"),
        (with_second(np.timedelta64(3, "D")), "times: 3 days in row 2"),
        (with_second(dt.date(2020, 1, 1)), "times: 2020-01-01 in row 2"),
        (with_second(pd.NaT), "times: NaT in row 2"),
        (Y + 1j, r"complex: 1j in row 0\. Complex data not supported"),
        ([*Y[:4].tolist(), 4 + 2j, 5 + 3j], r"complex: \(4\+2j\) in row 4"),
        (np.column_stack([Y, Y + (Y == 3) * 1j]), r"complex: \(3\+1j\) in row 3"),
        (with_second(1j), "no numbers: 1j in row 2"),
        (with_second(10**400), "too large: 1000.*0000 in row 2"),
        (np.column_stack([Y, with_second(-(10**400))]), "too large: .* in row 2"),
        (with_second("a"), "no numbers: 'a' in row 2"),
        (["1"] * 5 + ["x"], "no numbers: .*'x'.* in row 5"),
        (with_second("a" * 10_000), "no numbers: 'aaa.{0,80}' in row 2"),
        (with_second(None), "NaN or infinite.*rows 2"),
        (with_second(pd.NA), "NaN or infinite.*rows 2"),
        (np.array([1, np.longdouble("1e400")] * 3), "NaN or infinite.*rows 1, 3, 5"),
        (with_second(np.inf), "NaN or infinite.*rows 2"),
        ([[1], [1, 2]] * 3, "different lengths"),
        (7, r"no numbers of records .*shape \(n,\)"),
        ({"a": 1}, "no numbers"),
        (np.zeros((N, 2, 2)), "no numbers of records"),
        (Y[:-1], "6 records and 5 targets"),
        (np.empty((0,)), "6 records and 0 targets"),
        (None, "call fit"),
        (1e-320 * Y, r"0 to 4\.99994e-320, which are too small to be told apart; .*multiply"),
        (np.column_stack([Y, 1e-310 * Y]), "too small to be told apart"),
        (1e141 * Y, r"targets from 0 to 5e\+141; .*squares.*divide"),
        (np.where(Y > 2, 1.7e308, -1.7e308), "divide"),
        (np.full(N, 1.7e308), "divide"),
        (np.column_stack([Y, 1e200 * Y]), "divide"),
    ],
    ids=str,
)
def test_what_is_no_number_is_refused_with_its_row(y, said):
    with pytest.raises(DataError, match=said):
        check_targets(y, RECORDS)


def test_no_targets_of_no_records():
    assert check_targets([], Records([])).shape == (0,)
