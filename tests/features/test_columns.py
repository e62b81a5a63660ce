"""The kinds of column, one by one."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pytest

from embedreg.features._boolean import BooleanColumn
from embedreg.features._category import CategoryColumn
from embedreg.features._column import Settings
from embedreg.features._date import DateColumn, read_date
from embedreg.features._number import NumberColumn
from embedreg.features._scaling import mean_and_deviation, standardise
from embedreg.features._text import TextColumn

SETTINGS = Settings(max_categories=40, min_frequency=3, text_components=5, random_state=0)


def encode(column, cells):
    return column.encode([None if cell is None else column.read(cell) for cell in cells])


def fit_encode(kind, cells, settings=SETTINGS):
    column = kind.fit(cells, settings)
    return column, encode(column, cells)


class TestScaling:
    @pytest.mark.parametrize("unit", [1.0, 1e-200, 5e-324 * 64, 1e299])
    def test_any_magnitude_standardises(self, unit):
        block = np.array([[1.0], [2.0], [3.0], [np.nan]]) * unit
        scaled = standardise(block, *mean_and_deviation(block))
        np.testing.assert_allclose(scaled.ravel(), [-np.sqrt(1.5), 0, np.sqrt(1.5), 0], atol=0.05)

    def test_a_constant_standardises_to_exactly_zero_even_where_its_mean_is_rounded(self):
        block = np.full((7, 1), 0.1)
        assert not standardise(block, *mean_and_deviation(block)).any()

    def test_no_values_at_all(self):
        mean, deviation = mean_and_deviation(np.full((3, 1), np.nan))
        assert (mean, deviation) == (0, 1)


class TestNumber:
    def test_is_standardised_with_the_training_mean_for_missing(self):
        column, block = fit_encode(NumberColumn, [1, 2.0, None, 3])
        assert column.suffixes() == [""]
        np.testing.assert_allclose(block.ravel(), [-np.sqrt(1.5), 0, 0, np.sqrt(1.5)])
        assert encode(column, [2 + 10 * math.sqrt(2 / 3)]) == pytest.approx(10)  # not clipped

    def test_a_heavy_tail_adds_the_signed_logarithm(self):
        values = [10.0**power for power in range(-6, 1)]
        column, block = fit_encode(NumberColumn, [*values, -1.0, 0.0])
        assert column.suffixes() == ["", ": log"]
        log = block[:7, 1]
        assert (np.diff(log) > 0).all()
        assert np.diff(log)[1:] == pytest.approx(np.diff(log)[-1], rel=0.05)  # even steps for even ratios
        assert block[7, 1] < block[8, 1] < block[0, 1]

    def test_an_even_spread_has_no_logarithm(self):
        assert NumberColumn.fit(list(range(1000)), SETTINGS).suffixes() == [""]

    def test_infinities_take_the_place_of_the_extremes_and_are_marked(self):
        column, block = fit_encode(NumberColumn, [1, 3, math.inf, -math.inf, None, 10**400])
        assert column.suffixes() == ["", ": infinite"]
        np.testing.assert_array_equal(block[:, 0], block[[0, 1, 1, 0, 4, 1], 0])
        np.testing.assert_array_equal(block[:, 1], [0, 0, 1, -1, 0, 1])

    def test_an_infinity_cannot_be_used_without_infinities_in_training(self):
        column = NumberColumn.fit([1, 2], SETTINGS)
        assert column.read(math.inf) is None
        assert column.read("2.5") == 2.5
        assert column.read("many") is None

    def test_only_infinities(self):
        _, block = fit_encode(NumberColumn, [math.inf, -math.inf])
        np.testing.assert_array_equal(block, [[0, 1], [0, -1]])


class TestBoolean:
    def test_is_zero_and_one_with_the_share_for_missing(self):
        column, block = fit_encode(BooleanColumn, [True, True, None, True, False])
        np.testing.assert_array_equal(block.ravel(), [1, 1, 0.75, 1, 0])
        assert [column.read(cell) for cell in (1, 0.0, "True", " false", 2, "maybe")] == [
            1,
            0,
            1,
            0,
            None,
            None,
        ]


class TestCategory:
    def test_one_column_a_level_and_one_for_the_rare(self):
        column, block = fit_encode(CategoryColumn, ["a"] * 3 + ["b"] * 4 + ["c", "d", None])
        assert column.suffixes() == ["=b", "=a", ": rare"]
        assert column.grouped == ["c", "d"]
        np.testing.assert_array_equal(block.sum(axis=0), [4, 3, 2])
        np.testing.assert_array_equal(
            encode(column, ["new", "c", "a", None]), [[0, 0, 1], [0, 0, 1], [0, 1, 0], [0, 0, 0]]
        )

    def test_nothing_is_grouped_where_everything_is_rare(self):
        column, block = fit_encode(CategoryColumn, ["a", "b"])
        assert column.suffixes() == ["=a", "=b"]
        np.testing.assert_array_equal(block, np.eye(2))
        np.testing.assert_array_equal(encode(column, ["new"]), [[0, 0]])

    def test_a_level_is_found_however_a_table_reads_it(self):
        column = CategoryColumn.fit(["1", "2", "x"], SETTINGS)
        np.testing.assert_array_equal(encode(column, [1, 1.0, "1"]), encode(column, ["1"] * 3))


class TestDate:
    @pytest.mark.parametrize(
        ("cell", "expected"),
        [
            ("2024-02-29", dt.datetime(2024, 2, 29)),
            (" 2024-02-29 23:59:01.5 ", dt.datetime(2024, 2, 29, 23, 59, 1, 500_000)),
            ("2024-02-29T12:00Z", dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC)),
            (dt.date(2024, 2, 29), dt.datetime(2024, 2, 29)),
            ("2023-02-29", None),
            ("29.02.2024", None),
            ("2024-02-29T", None),
            ("2024-02-29Tsoon", None),
            ("٢٠٢٤-٠٢-٢٩", None),
            (20240229, None),
        ],
    )
    def test_read_date(self, cell, expected):
        assert read_date(cell) == expected

    def test_calendar_is_local_and_time_is_universal(self):
        zone = dt.timezone(dt.timedelta(hours=5))
        cells = [
            "2024-01-01T01:00+05:00",
            "2023-12-31T20:00",
            dt.datetime(2024, 1, 1, 1, tzinfo=zone),
            "2020-06-15",
        ]
        column, block = fit_encode(DateColumn, cells)
        parts = dict(zip(column.suffixes(), block.T, strict=True))
        np.testing.assert_array_equal(block[0], block[2])
        assert parts[": time"][0] == parts[": time"][1]
        assert parts[": year"][0] != parts[": year"][1]

    def test_missing_is_the_mean_and_the_calendars_ends_are_fine(self):
        east = dt.datetime.min.replace(tzinfo=dt.timezone(dt.timedelta(hours=14)))
        west = dt.datetime.max.replace(tzinfo=dt.timezone(-dt.timedelta(hours=14)))
        _, block = fit_encode(DateColumn, [east, west, None])
        assert np.isfinite(block).all()
        assert not block[2].any()


class TestText:
    TEXTS = (
        "red apple",
        "green apple",
        "red pear",
        "green pear",
        "a much longer text about cars",
        "Ünïcode ✓ 漢字",
    )

    def test_components_and_length(self):
        column, block = fit_encode(TextColumn, self.TEXTS)
        assert column.suffixes() == [*(f": component {i}" for i in range(1, 6)), ": length"]
        np.testing.assert_allclose(block.mean(axis=0), 0, atol=1e-12)
        deviations = block.std(axis=0)
        assert deviations[:-1].max() == pytest.approx(1)
        assert deviations[-1] == pytest.approx(1)

    def test_like_texts_are_near(self):
        column, block = fit_encode(TextColumn, self.TEXTS)
        near, far = encode(column, ["red apples", "the longest text about a car"])
        assert np.linalg.norm(near - block[0]) < np.linalg.norm(far - block[0])

    def test_case_matters(self):
        column, _ = fit_encode(TextColumn, ["CCO", "cco", "CcO", "ccO"])
        assert (encode(column, ["CC"]) != encode(column, ["cc"])).any()

    def test_missing_is_the_mean_and_an_empty_text_is_not(self):
        column, _ = fit_encode(TextColumn, self.TEXTS)
        block = encode(column, [None, ""])
        assert not block[0].any()
        assert block[1].any()

    @pytest.mark.parametrize("texts", [["", " "], ["a"], ["same", "same"], ["x", "y"], ["\ud800", "\x00\n"]])
    def test_texts_with_little_in_them(self, texts):
        _, block = fit_encode(TextColumn, texts)
        assert np.isfinite(block).all()

    def test_components_that_are_rounding_error_are_left_out(self):
        column, _ = fit_encode(TextColumn, ["ab", "cd"] * 10)
        assert len(column.components) == 2

    def test_repeats_exactly(self):
        first, block = fit_encode(TextColumn, self.TEXTS)
        second, again = fit_encode(TextColumn, self.TEXTS)
        np.testing.assert_array_equal(block, again)
        np.testing.assert_array_equal(first.components, second.components)
