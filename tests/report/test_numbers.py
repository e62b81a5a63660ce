from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedreg.report._downloads import as_json
from embedreg.report._numbers import decimals, duration, figures, p_value, typeset

finite = st.floats(-1e300, 1e300) | st.floats(-1e8, 1e8)


def read(written):
    return float(written.replace(",", ""))


@given(finite)
def test_figures_keep_four_significant_figures(value):
    assert read(figures(value)) == pytest.approx(value, rel=5.1e-4, abs=5e-324)


@given(finite)
def test_decimals_are_right_and_never_wide(value):
    written = decimals(value)
    assert float(written) == pytest.approx(value, abs=5.1e-4, rel=5.1e-3)
    assert len(written) <= 9 or abs(value) > 1e99
    assert written != "-0.000"


@given(st.floats(-999, 999))
def test_signs_are_always_written_when_asked_for(value):
    assert decimals(value, sign=True)[0] in "+-"


@given(st.floats(0, 1))
def test_p_values_are_never_rounded_to_zero(value):
    written = p_value(value)
    assert written == "<0.001" if value < 0.001 else float(written) == pytest.approx(value, abs=5.1e-4)
    assert written != "0.000"


@given(finite)
def test_typeset_numbers_say_the_same(value):
    page = typeset(figures(value))
    mantissa, _, power = page.partition(" \N{MULTIPLICATION SIGN} 10")
    plain = power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    again = read(mantissa.replace("\N{MINUS SIGN}", "-") + (f"e{plain}" if plain else ""))
    assert again == read(figures(value))


@given(finite)
def test_figures_are_never_wide(value):
    assert len(figures(value)) <= len("-1.234e-300")


@pytest.mark.parametrize("write", [figures, decimals, p_value])
def test_undefined_is_said(write):
    assert write(math.nan) == "n/a"


@given(st.floats(0, 1e7))
def test_durations_have_a_unit(seconds):
    assert duration(seconds).split()[-1] in {"s", "min"}


def test_json_has_no_word_for_what_is_not_finite():
    assert as_json([math.nan, math.inf, -math.inf, {"a": (1, math.nan)}]).count("null") == 4
