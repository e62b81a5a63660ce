"""Numbers with units."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedreg.core.errors import EmbedregWarning
from embedreg.features import TabularFeatures
from embedreg.features._quantity import common_units

MICRO, MU = "\N{MICRO SIGN}", "\N{GREEK SMALL LETTER MU}"
SPELLINGS = {
    "bytes": {
        1: ("B", "b", "bytes"),
        1024: ("kB", "KB", "K", "KiB", "Ki"),
        1024**2: ("MB", "mb", "M", "MiB", "Mi"),
        1024**3: ("GB", "G", "GiB"),
        1024**4: ("TB", "TiB"),
    },
    "time": {
        1: ("s", "sec", "seconds"),
        1e-9: ("ns",),
        1e-6: ("us", f"{MICRO}s", f"{MU}s"),
        1e-3: ("ms",),
        60: ("m", "min"),
        3600: ("h", "hours"),
        86400: ("d", "days"),
    },
    "frequency": {1: ("Hz", "hz"), 1e3: ("kHz",), 1e6: ("MHz",), 1e9: ("GHz",)},
    "magnitude": {1: ("",), 1e3: ("k", "K"), 1e6: ("M",), 1e9: ("G", "B"), 1e12: ("T",)},
    "percent": {1: ("%", "percent", "pct")},
}
UNITS = {
    dimension: [(unit, size) for size, units in sizes.items() for unit in units]
    for dimension, sizes in SPELLINGS.items()
}
AMOUNTS = st.floats(1e-3, 1e3)


@st.composite
def fields_written_twice(draw):
    """Amounts in a base unit, and two ways to write them: each in any of the dimension's units."""
    dimension = draw(st.sampled_from(sorted(UNITS)))
    amounts = draw(st.lists(AMOUNTS, min_size=2, max_size=10))
    return amounts, *(write_all(draw, dimension, amounts) for _ in range(2))


def write_all(draw, dimension, amounts):
    always = [UNITS[dimension][0], *UNITS[dimension][-1:]]  # so that the units tell the dimension
    units = [*always, *(draw(st.sampled_from(UNITS[dimension])) for _ in amounts)]
    space = draw(st.sampled_from(["", " "]))
    return [
        f"{amount / size!r}{space}{unit}"
        for amount, (unit, size) in zip([1.0, 2.0, *amounts], units, strict=True)
    ]


def fit(cells):
    return TabularFeatures().fit([{"a": cell} for cell in cells])


def transform(features, cells):
    return features.transform([{"a": cell} for cell in cells])


@given(fields_written_twice())
def test_whatever_unit_of_a_dimension_is_written_the_features_are_those_of_the_numbers(written):
    amounts, once, again = written
    plain = fit([1.0, 2.0, *amounts])
    features = fit(once)
    assert features.describe()[0]["kind"] == "quantity"
    expected = transform(plain, [1.0, 2.0, *amounts])
    for cells in (once, again):
        np.testing.assert_allclose(transform(features, cells), expected, rtol=1e-6, atol=1e-6)


def test_database_knobs_are_their_sizes():
    features = fit(["64MB", "1GB", "512 kB", "2gb", 0])
    a, b, c = transform(features, ["1GB", "1024MB", "1048576 KiB"])
    assert (a == b).all()
    assert (a == c).all()


def test_a_heavy_tail_has_a_logarithm_and_a_gap_a_column():
    features = fit(["1ns", "5 ms", "1h", "3s", "2d", "10us", None, "7 ns"])
    assert list(features.get_feature_names_out()) == ["a", "a: log", "a: missing"]


def test_an_infinity_needs_no_unit():
    features = fit(["1s", "5 ms", "inf", math.inf])
    assert list(features.get_feature_names_out()) == ["a", "a: infinite"]


@pytest.mark.parametrize("later", ["10 parsecs", "10", 10, "much", "1h30m", "2 days ago"])
def test_what_is_no_such_quantity_counts_as_missing_with_a_warning(later):
    features = fit(["1s", "5 ms", None])
    with pytest.warns(EmbedregWarning, match="of another kind"):
        np.testing.assert_array_equal(transform(features, [later]), transform(features, [None]))


@pytest.mark.parametrize(
    ("cells", "smaller", "larger"),
    [
        (["5m", "1h"], "59m", "1h"),
        (["5m", "20s"], "59s", "1m"),
        (["5m", "20k"], "999k", "1m"),
        (["512m", "2g"], "999m", "1g"),
        (["5M", 20], "999999", "1M"),
        (["350M", "7B"], "999M", "1B"),
        (["1B", "2KB"], "1000B", "1KB"),
        (["5m", "6m"], "7m", "8m"),
        (["12 cm", "7 cm"], "1 cm", "2cm"),
    ],
)
def test_the_units_of_a_field_tell_what_a_letter_stands_for(cells, smaller, larger):
    low, high = transform(fit(cells), [smaller, larger])
    assert low[0] < high[0]


@pytest.mark.parametrize(
    "cells",
    [
        ["5m", 20],  # minutes, metres, millions?
        ["7B", 20],
        ["10ms", 20],
        ["64MB", 1048576],
        ["64MB", "auto"],
        ["64MB", "10ms"],
        ["2 mW", "3 MW"],
        ["12 cm", "1 km"],
        ["007MB", "8MB"],
        ["1.2.3a", "1.2.4a"],
        ["CCO", "C2H6"],
        ["5 bright red apples"],
        [0, "inf"],
        ["inf", True],
        ["2024-05-01"],
        [],
    ],
)
def test_cells_without_units_of_one_dimension_have_none_in_common(cells):
    assert common_units(cells) is None


def test_b_is_a_byte_beside_g_and_a_billion_without():
    sizes = common_units(["512B", "4.0K", "1.5M", "2.0G"])
    assert sizes["g"] / sizes["b"] == 2**30
    parameters = common_units(["7B", "500M"])
    assert parameters["b"] / parameters["M"] == 1000
