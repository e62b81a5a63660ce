from __future__ import annotations

import datetime as dt
import decimal

import pytest

from embedreg.features._kinds import are_words, kind_of
from embedreg.features._values import number

SENTENCE = "a sentence which is rather longer than thirty characters, number "


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ([], "empty"),
        ([None, None], "empty"),
        ([True, None, False], "boolean"),
        ([0, 1, 1], "number"),
        ([1, 0.5, decimal.Decimal(2), None], "number"),
        ([True, 0.5], "number"),
        ([1, "2.5"], "number"),
        ([dt.time(1), dt.timedelta(1)], "number"),
        (["1", "2"], "number"),
        ([str(i) for i in range(100)], "number"),
        (["1", " -2.5 ", "1e-3", "", "nan", "NA", "inf", None], "number"),
        ([1, "nan", ""], "number"),
        ([True, "2"], "number"),
        (["02139", "10115"], "category"),
        (["02139", 10115], "mixed"),
        (["1_000", "+49", "1"], "category"),
        (["inf", "nan"], "category"),
        (["", "NA"], "category"),
        (["1", "2", "3+"], "category"),
        ([0.5, "auto", "sqrt"], "mixed"),
        ([1, *(SENTENCE + str(i) for i in range(20))], "text"),
        ([dt.date(2024, 1, 1), "2024-01-02T03:04:05+02:00"], "date"),
        (["64MB", "1 GB", "0", "nan", None], "quantity"),
        (["64MB", "auto"], "category"),
        (["2024-01-01", "", None], "date"),
        (["2024-01-01", "soon"], "category"),
        (["20240101", "20240102"], "number"),
        ([True, "auto"], "category"),
        (["a", "b"], "category"),
        ([f"x{i}" for i in range(10)], "category"),
        ([f"level {i}" for i in range(11)], "text"),
        ([f"level {i}" for i in range(11)] * 2, "category"),
        ([f"level {i}" for i in range(40)] * 2, "category"),
        ([f"level {i}" for i in range(41)] * 9, "text"),
        ([SENTENCE + "1", SENTENCE + "2"], "text"),
        ([SENTENCE, SENTENCE], "category"),
        (["", ""], "category"),
    ],
)
def test_kind_of(cells, kind):
    assert kind_of(cells, max_categories=40) == kind


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["a", "b"], True),
        (["1", "b"], True),
        (["02139"], True),
        ([1.5, "auto"], True),
        (["1", "nan"], False),
        ([True], False),
        (["2024-01-01"], False),
        (["64MB"], False),
        ([None], False),
    ],
)
def test_are_words(cells, words):
    assert are_words(cells) is words


def test_max_categories_is_the_bound_between_category_and_text():
    cells = ["a", "b", "c"] * 5
    assert [kind_of(cells, limit) for limit in (2, 3)] == ["text", "category"]


def test_times_and_durations_are_numbers_as_values_and_as_text():
    times = [dt.time(7, 30), dt.time(23, 59, 59, 500_000)]
    durations = [dt.timedelta(days=97, hours=6, seconds=1), dt.timedelta(seconds=-1)]
    for values in (times, durations):
        assert kind_of(values, 40) == kind_of([str(value) for value in values], 40) == "number"
        assert [number(str(value)) for value in values] == [number(value) for value in values]
    assert number("97 days 06:00:01") == number(durations[0])  # as pandas has it
    assert number("-1 days +23:59:59") == -1
    assert kind_of(["1:2", "16:99"] * 20, 40) == "category"
