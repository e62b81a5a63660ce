"""What holds for texts of any records: JSON can be read back, numbers are rounded as stated."""

from __future__ import annotations

import json
import math
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from embedreg.serialize import make_serializer
from embedreg.serialize._numbers import parse_numbers

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
finite = st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)
json_records = st.dictionaries(texts, json_values, max_size=5)
digit_counts = st.integers(1, 15)


@given(record=json_records)
@settings(deadline=None)
def test_json_that_rounds_nothing_can_be_read_back(record):
    assert json.loads(make_serializer("json", "as_is")(record)) == record


@given(record=json_records)
@settings(deadline=None)
def test_json_values_are_the_values_in_the_order_of_json(record):
    def without_names(value):
        if isinstance(value, dict):
            return [without_names(item) for item in value.values()]
        return [without_names(item) for item in value] if isinstance(value, list) else value

    in_order = json.loads(make_serializer("json")(record))
    assert json.loads(make_serializer("json_values")(record)) == without_names(in_order)


@given(record=json_records)
@settings(deadline=None)
def test_json_and_key_value_keep_the_same_order(record):
    names = list(json.loads(make_serializer("json")(record)))
    write = make_serializer("key_value")
    assert write(dict.fromkeys(record, 0)) == (", ".join(write({name: 0}) for name in names) or "{}")


@given(number=finite, digits=digit_counts)
@settings(deadline=None)
@example(number=9.9999, digits=4)
@example(number=-0.0, digits=1)
@example(number=5e-324, digits=15)
def test_significant_digits_are_the_nearest(number, digits):
    text = parse_numbers(f"significant:{digits}")(number)
    if number.is_integer() and abs(number) < 2**64:
        assert text == str(int(number))
        return
    written = Decimal(text)
    assert len(written.normalize().as_tuple().digits) <= digits
    exact = Decimal(number)
    half_a_step = Decimal(5).scaleb(exact.adjusted() - digits)
    assert abs(Fraction(written) - Fraction(exact)) <= Fraction(half_a_step)


@given(number=st.floats(-1e15, 1e15), digits=digit_counts)
@settings(deadline=None)
@example(number=-0.004, digits=2)
@example(number=0.125, digits=2)
def test_decimals_are_the_nearest(number, digits):
    text = parse_numbers(f"decimals:{digits}")(number)
    assert "e" not in text
    assert text != "-0"
    assert text == "0" or not text.endswith((".", "0")) or "." not in text
    exact = Fraction(number)
    assert abs(Fraction(text) - exact) <= Fraction(1, 2 * 10**digits)


@given(number=finite)
@settings(deadline=None)
def test_as_is_loses_nothing(number):
    assert float(parse_numbers("as_is")(number)) == number


@given(number=st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**25), max_value=10**25))
@settings(deadline=None)
def test_decimals_are_written_as_their_own_value(number):
    text = parse_numbers("as_is")(number)
    assert Decimal(text) == number or float(text) == number


@given(one=st.integers() | finite, other=st.integers() | finite)
@settings(deadline=None)
@example(one=2**64, other=2.0**64)
@example(one=2**64 + 1, other=2.0**64)
@example(one=18446744073709552000, other=2.0**64)
@example(one=10**23, other=1e23)
@example(one=int(1e23), other=1e23)
@example(one=10**400, other=1e300)
def test_as_is_numbers_read_the_same_exactly_if_they_are_equal(one, other):
    write = parse_numbers("as_is")
    assert (write(one) == write(other)) == (one == other)


@given(
    whole=st.integers(-(2**300), 2**300), numbers=st.sampled_from(["significant:3", "decimals:2", "as_is"])
)
@settings(deadline=None)
def test_equal_numbers_of_any_type_read_the_same(whole, numbers):
    write = parse_numbers(numbers)
    assert write(Decimal(whole)) == write(whole)
    as_float = float(whole)
    assert write(as_float) == write(int(as_float)) == write(Decimal(as_float))


@given(number=st.floats(1e-300, 1e300), digits=digit_counts)
@settings(deadline=None)
def test_a_sign_is_all_that_a_negative_number_adds(number, digits):
    for numbers in (f"significant:{digits}", f"decimals:{digits}", "as_is"):
        text = parse_numbers(numbers)(number)
        assert parse_numbers(numbers)(-number) == ("0" if text == "0" else f"-{text}")


@given(one=finite, other=finite, digits=digit_counts)
@settings(deadline=None)
def test_rounding_never_swaps_two_numbers_that_differ_in_the_digits_kept(one, other, digits):
    assume(one < other)
    write = parse_numbers(f"decimals:{digits}")
    assert float(write(one)) <= float(write(other))


@given(number=st.floats(-1e6, 1e6), digits=st.integers(0, 15))
@settings(deadline=None)
def test_rounding_twice_is_rounding_once(number, digits):
    write = parse_numbers(f"decimals:{digits}")
    step = Decimal(1).scaleb(-digits)
    once = Decimal(number).quantize(step, rounding=ROUND_HALF_EVEN)
    assert math.isclose(float(write(number)), float(once), abs_tol=0, rel_tol=1e-15)
    assert write(float(write(number))) == write(number)
