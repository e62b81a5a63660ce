"""Texts that cannot be embedded are refused before any long work."""

from __future__ import annotations

import pytest

from embedreg.core import texts as module
from embedreg.core.errors import DataError
from embedreg.core.records import MAX_TEXT_BYTES
from embedreg.core.texts import broken_character, check_texts


def test_texts_that_pass():
    assert check_texts([]) is None
    assert check_texts(["a", " a ", "naïve 東京 🙂", "\u200b", "a\x01\x7f\n", "a" * MAX_TEXT_BYTES]) is None


@pytest.mark.parametrize("blank", ["", " ", "\n\t", "\u2003\xa0"])
def test_blank(blank):
    with pytest.raises(
        DataError, match=r"got nothing but blanks in the text of row 1;.*to mend: drop those rows"
    ):
        check_texts(["a", blank])


@pytest.mark.parametrize("text", ["\0", "a\0b", "é\0"])
def test_nul(text):
    with pytest.raises(DataError, match=r"got a NUL character in the text of row 0;.*to mend: remove it"):
        check_texts([text])


@pytest.mark.parametrize("text", ["\ud800", "a\udfff", "\udc80 naïve"])
def test_lone_surrogates(text):
    with pytest.raises(
        DataError, match=r"got a lone surrogate .* in the text of row 0;.*to mend: read the file"
    ) as caught:
        check_texts([text])
    str(caught.value).encode()


@pytest.mark.parametrize("text", ["a" * (MAX_TEXT_BYTES + 1), "é" * (MAX_TEXT_BYTES // 2 + 1)])
def test_too_long_in_bytes(text):
    with pytest.raises(
        DataError, match=r"got more than 1,000,000 bytes in the text of row 2;.*to mend: check"
    ):
        check_texts(["a", "b", text])


def test_as_long_as_allowed_in_bytes():
    check_texts(["é" * (MAX_TEXT_BYTES // 2)])


def test_five_rows_are_named_and_all_counted():
    with pytest.raises(DataError, match=r"in the texts of 5 rows \(0, 1, 2, 3, 4\);"):
        check_texts([""] * 5)
    with pytest.raises(DataError, match=r"in the texts of 1,200 rows \(1, 3, 5, 7, 9, \.\.\.\);"):
        check_texts(["a", ""] * 1200)


def test_rows_are_counted_from_the_callers_first():
    with pytest.raises(DataError, match=r"rows \(100, 102\);"):
        check_texts(["", "a", " "], first_row=100)


def test_the_field_is_named():
    with pytest.raises(DataError, match=r"in the text of row 1 in field 'note'; expected"):
        check_texts(["a", "\0"], field="note")


def test_the_first_fault_is_reported_and_counted_by_itself():
    with pytest.raises(DataError, match=r"NUL character in the texts of 2 rows \(1, 3\);"):
        check_texts(["a", "\0", "", "b\0"])


def test_a_tuple_of_texts_is_as_good():
    with pytest.raises(DataError, match="row 1"):
        check_texts(("a", ""))


def test_every_fault_has_advice():
    assert set(module._ADVICE) == {module._BLANK, module._NUL, module._SURROGATE, module._TOO_LONG}


@pytest.mark.parametrize(
    ("text", "found"),
    [("", None), ("a", None), ("é", None), ("🙂", None), ("\0", "NUL"), ("é\0", "NUL"), ("\ud83d", "surr")],
)
def test_broken_character(text, found):
    broken = broken_character(text)
    assert broken is None if found is None else found in broken
