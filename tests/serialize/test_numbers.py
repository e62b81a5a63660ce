"""Every number format, on every kind of number."""

from __future__ import annotations

import decimal
import pickle
from decimal import Decimal

import pytest

from embedreg.core.errors import UsageError
from embedreg.serialize import DEFAULT_NUMBERS
from embedreg.serialize._numbers import parse_numbers

SIGNIFICANT, DECIMALS, AS_IS = "significant:4", "decimals:4", "as_is"
FORMATS = (SIGNIFICANT, DECIMALS, AS_IS)


def test_default_is_four_significant_digits():
    assert DEFAULT_NUMBERS == "significant:4"


@pytest.mark.parametrize(
    ("number", "significant", "decimals", "as_is"),
    [
        (0.123456, "0.1235", "0.1235", "0.123456"),
        (-0.123456, "-0.1235", "-0.1235", "-0.123456"),
        (0.1, "0.1", "0.1", "0.1"),
        (1 / 3, "0.3333", "0.3333", "0.3333333333333333"),
        (123.456789, "123.5", "123.4568", "123.456789"),
        (123456.789, "1.235e+05", "123456.789", "123456.789"),
        (9999.96, "1e+04", "9999.96", "9999.96"),
        (2.00001, "2", "2", "2.00001"),
        (1e-7, "1e-07", "0", "1e-07"),
        (-1e-7, "-1e-07", "0", "-1e-07"),
        (5e-324, "4.941e-324", "0", "5e-324"),
        (1.7976931348623157e308, "1.798e+308", "1.7976931348623157e+308", "1.7976931348623157e+308"),
        (1e20, "1e+20", "1e+20", "1e+20"),
        (Decimal("0.123456"), "0.1235", "0.1235", "0.123456"),
        (Decimal("0.1000"), "0.1", "0.1", "0.1"),
        (Decimal("1e-7"), "1e-07", "0", "1e-07"),
        (Decimal("-1.25e-7"), "-1.25e-07", "0", "-1.25e-07"),
        (Decimal("0.12345678901234567890123"), "0.1235", "0.1235", "0.12345678901234567890123"),
        (Decimal("1.23456e400"), "1.235e+400", "1.23456e+400", "1.23456e+400"),
        (Decimal("-1.23456e-400"), "-1.235e-400", "0", "-1.23456e-400"),
        (Decimal(2**64) + Decimal("0.5"), "1.845e+19", "18446744073709551616.5", "18446744073709551616.5"),
        (10**400, "1e+400", "1e+400", "1e+400"),
        (2**64 + 1, "1.845e+19", "18446744073709551617", "18446744073709551617"),
    ],
)
def test_each_format(number, significant, decimals, as_is):
    assert [parse_numbers(name)(number) for name in FORMATS] == [significant, decimals, as_is]


@pytest.mark.parametrize("numbers", FORMATS)
@pytest.mark.parametrize(
    ("text", "equal_numbers"),
    [
        ("0", [0, 0.0, -0.0, Decimal(0), Decimal("-0.00")]),
        ("5", [5, 5.0, Decimal(5), Decimal("5.00")]),
        ("1500", [1500, 1500.0, Decimal("1.5e3")]),
        ("-123456789", [-123456789, -123456789.0, Decimal(-123456789)]),
        ("18446744073709551615", [2**64 - 1, Decimal(2**64 - 1)]),
        ("-18446744073709549568", [-(2**64) + 2048, -(2.0**64) + 2048]),
        ("1e+15", []),
    ],
)
def test_whole_numbers_are_never_rounded_below_2_to_the_64(numbers, text, equal_numbers):
    assert {parse_numbers(numbers)(number) for number in equal_numbers} <= {text}


@pytest.mark.parametrize("numbers", FORMATS)
@pytest.mark.parametrize("whole", [2**64, 10**20, -(10**22), 2**100, 10**308])
def test_a_large_int_reads_as_the_float_and_decimal_it_equals(numbers, whole):
    write = parse_numbers(numbers)
    equal = [number for number in (whole, float(whole), Decimal(whole)) if number == whole]
    assert len({write(number) for number in equal}) == 1


def test_large_ints_that_no_float_equals_keep_every_digit():
    write = parse_numbers(AS_IS)
    assert write(10**20 + 1) == "100000000000000000001"
    # the shortest text of the float 2**64 names another integer, which must not read like it
    assert write(2.0**64) == "1.8446744073709552e+19"
    assert write(18446744073709552000) == "18446744073709552000"


def test_ints_longer_than_python_turns_into_text():
    assert parse_numbers(SIGNIFICANT)(-(7 * 10**5000)) == "-7e+5000"
    assert parse_numbers(AS_IS)(10**5000 + 1).endswith("1e+5000")


@pytest.mark.parametrize("numbers", FORMATS)
@pytest.mark.parametrize("kind", [float, Decimal])
def test_not_finite(numbers, kind):
    write = parse_numbers(numbers)
    written = [write(kind(text)) for text in ("nan", "-nan", "inf", "-inf")]
    assert written == ["NaN", "NaN", "Infinity", "-Infinity"]
    assert write(Decimal("sNaN")) == "NaN"


def test_digits():
    assert [parse_numbers(f"significant:{n}")(0.987654321) for n in (1, 2, 15)] == [
        "1",
        "0.99",
        "0.987654321",
    ]
    assert [parse_numbers(f"decimals:{n}")(0.987654321) for n in (0, 2, 15)] == ["1", "0.99", "0.987654321"]
    assert parse_numbers("decimals:0")(-0.4) == "0"
    assert parse_numbers("decimals:2")(10.001) == "10"


@pytest.mark.parametrize("numbers", FORMATS)
@pytest.mark.parametrize("text", ["0.1", "0.12345", "1e-5", "123456.5", "2.675"])
def test_a_decimal_reads_as_the_float_of_the_same_text(numbers, text):
    assert parse_numbers(numbers)(Decimal(text)) == parse_numbers(numbers)(float(text))


@pytest.mark.parametrize("numbers", FORMATS)
def test_the_callers_decimal_context_changes_nothing(numbers):
    write = parse_numbers(numbers)
    values = [Decimal("1.23456789e-5"), Decimal("1.23456e400"), Decimal("1.23456e-400"), 10**30 + 1]
    expected = [write(value) for value in values]
    with decimal.localcontext(decimal.Context(prec=2, rounding=decimal.ROUND_UP, traps=[decimal.Inexact])):
        assert [write(value) for value in values] == expected


@pytest.mark.parametrize(
    "numbers",
    [
        "", "significant", "significant:", "significant:0", "significant:04", "significant:16", "decimals:16",
        "significant:-1", "decimals:2.5", "decimals: 2", "decimals:2\n", "decimals:\u0663", "as_is:2",
        "as is", "AS_IS", "float", None, 4, [],
    ],
)  # fmt: skip
def test_unknown_format(numbers):
    with pytest.raises(UsageError, match=r"significant:N.*decimals:N.*as_is") as caught:
        parse_numbers(numbers)
    assert f"numbers={numbers!r}" in str(caught.value)


def test_formats_can_be_sent_to_another_process():
    write = parse_numbers("decimals:2")
    assert pickle.loads(pickle.dumps(write)) == write
