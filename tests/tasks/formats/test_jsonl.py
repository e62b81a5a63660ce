from __future__ import annotations

import gzip
import math

import pytest

from embedreg.core.errors import DataError
from embedreg.tasks.formats import open_source


def rows(path):
    return [row.cells for row in open_source(path).rows()]


def test_rows_have_their_own_names(put):
    source = open_source(put("a.jsonl", '{"a": 1, "y": 2}\n{"b": {"c": [null, "é"]}, "y": 3.5}\n'))
    assert [row.cells for row in source.rows()] == [{"a": 1, "y": 2}, {"b": {"c": [None, "é"]}, "y": 3.5}]
    assert source.names == ("a", "y", "b")
    assert source.common_names == {"y"}


def test_blank_lines_do_not_count(put):
    path = put("a.ndjson", '\n{"a": 1}\r\n \n{"a": 2}')
    assert [(row.number, row.line) for row in open_source(path).rows()] == [(1, 2), (2, 4)]


def test_unicode_line_separators_are_no_line_ends(put):
    assert rows(put("a.jsonl", '{"a": "x\u2028y\x85z"}\n')) == [{"a": "x\u2028y\x85z"}]


def test_gzip_and_byte_order_mark(put):
    assert rows(put("a.jsonl.gz", gzip.compress(b'\xef\xbb\xbf{"a": 1}\n'))) == [{"a": 1}]


def test_nan_is_missing(put):
    source = open_source(put("a.jsonl", '{"a": NaN, "b": Infinity}\n'))
    (row,) = source.rows()
    assert source.value(row.cells["a"]) is None
    assert source.value(row.cells["b"]) == math.inf


def test_large_integers_stay_exact(put):
    assert (
        rows(put("a.jsonl", '{"a": 123456789012345678901234567890}\n'))[0]["a"]
        == 123456789012345678901234567890
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"a": 1}\n\n{"a": \n', r"line 3 of .*bad\.jsonl"),
        ('{"a": 1} {"a": 2}\n', "line 1"),
        ('{"a": 1}\n[{"a": 1}]\n', r"no object on line 2.*jq -c"),
        ("3\n", "no object on line 1"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}\n', "'c' more than once"),
        ('{"a": "\\ud800"}\n', "surrogates"),
        ('{"a": ' + "[" * 100_000 + "\n", "line 1"),
        ('{"a": ' + "9" * 5000 + "}\n", "digits"),
    ],
    ids=[
        "cut off",
        "two objects",
        "array",
        "number",
        "repeated name",
        "half a character",
        "too deep",
        "too long",
    ],
)
def test_bad_json(put, content, said):
    with pytest.raises(DataError, match=said):
        rows(put("bad.jsonl", content))


def test_wrong_encoding(put):
    with pytest.raises(DataError, match="byte 0xe9 on line 1"):
        rows(put("a.jsonl", '{"a": "é"}\n'.encode("latin1")))
