from __future__ import annotations

import datetime as dt
import decimal

import pytest

from embedreg.features._kinds import kind_of

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
        (["1", "2"], "category"),
        ([0.5, "auto", "sqrt"], "mixed"),
        ([1, *(SENTENCE + str(i) for i in range(20))], "text"),
        ([dt.date(2024, 1, 1), "2024-01-02T03:04:05+02:00"], "date"),
        (["2024-01-01", "soon"], "category"),
        (["20240101", "20240102"], "category"),
        ([True, "auto"], "category"),
        (["a", "b"], "category"),
        ([str(i) for i in range(10)], "category"),
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


def test_max_categories_is_the_bound_between_category_and_text():
    cells = ["a", "b", "c"] * 5
    assert [kind_of(cells, limit) for limit in (2, 3)] == ["text", "category"]
