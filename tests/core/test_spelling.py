from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedreg.core.spelling import MISSING_WORDS, spells_missing, spelt_number


@pytest.mark.parametrize(
    "text",
    ["007", "00", "-01", "+07", "1_000", "1,000", "1e999", "0x10", "٣", "1 000", "12a", "-", ".", "e5", ""],
)
def test_codes_and_words_are_no_numbers(text):
    assert spelt_number(text) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("-0.5", -0.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1E3", 1000.0),
        (" 7\n", 7),
        ("-Infinity", -math.inf),
    ],
)
def test_numbers_are_read(text, number):
    found = spelt_number(text)
    assert (found, type(found)) == (number, type(number))


@given(st.integers() | st.floats(allow_nan=False))
def test_what_python_writes_for_a_number_spells_it(number):
    assert spelt_number(str(number)) == number


@pytest.mark.parametrize("word", sorted(MISSING_WORDS))
def test_a_word_for_a_missing_value_is_no_number(word):
    assert spells_missing(f" {word} ")
    assert spelt_number(word) is None
