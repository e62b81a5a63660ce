from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedreg.core.errors import OutputError
from embedreg.tasks import open_writer
from embedreg.tasks.formats import open_source

LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
TEXTS = st.text(LETTERS)
NAMES = st.lists(st.text(LETTERS, min_size=1, max_size=5), min_size=1, max_size=4, unique=True)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS
NESTED = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
)
SUFFIXES = [
    ".csv",
    ".tsv",
    ".csv.gz",
    ".jsonl",
    ".jsonl.gz",
    ".ndjson",
    ".parquet",
    ".arrow",
    ".feather",
    ".ipc",
]


def converted(source: Path, suffix: str) -> Path:
    destination = source.with_name(f"out{suffix}")
    with open_writer(destination, open_source(source).names, like=source) as writer:
        writer.write([row.cells for row in open_source(source).rows()])
    return destination


def cells(path: Path) -> list[dict[str, object]]:
    return [row.cells for row in open_source(path).rows()]


def as_json_lines(folder: str, rows: list[dict[str, object]]) -> Path:
    path = Path(folder, "in.jsonl")
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@st.composite
def tables(draw, cell):
    names = draw(NAMES)
    return [
        dict(zip(names, row, strict=True))
        for row in draw(st.lists(st.tuples(*[cell] * len(names)), min_size=1, max_size=5))
    ]


@given(rows=st.lists(st.dictionaries(TEXTS, NESTED, min_size=1, max_size=4), min_size=1, max_size=5))
@settings(deadline=None, max_examples=50)
def test_json_lines_come_back_with_all_that_json_can_hold(rows):
    with tempfile.TemporaryDirectory() as folder:
        assert cells(converted(as_json_lines(folder, rows), ".jsonl.gz")) == rows


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(rows=tables(TEXTS))
@settings(deadline=None, max_examples=15)
def test_texts_come_back_from_every_format(suffix, rows):
    with tempfile.TemporaryDirectory() as folder:
        source = as_json_lines(folder, rows)
        assert cells(converted(source, suffix)) == cells(source)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "column",
    [
        [1, None, -3],
        [2**62, 2**53 + 1, 0],
        [1.5, None, 1e-300],
        [1, 2.5, None],
        [True, None, False],
        ["a", None, 'two\n"lines"\r\n, tab\t é'],
        [None, None, None],
    ],
    ids=str,
)
def test_values_come_back_from_every_format(put, suffix, column):
    path = put("in.jsonl", "".join(json.dumps({"a": cell, "b": "x"}) + "\n" for cell in column))
    source = open_source(converted(path, suffix))
    assert [source.value(row.cells["a"]) for row in source.rows()] == column


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".csv.gz"])
def test_csv_cells_come_back_exactly_as_they_were(put, suffix):
    content = 'a,b,c\n007,1.50,NA\n" x ",+5,\n"l1\r\nl2",TRUE,1e5\n"cr\ronly",0.10,"""q"""\n'
    source = put("in.csv", content)
    assert cells(converted(source, suffix)) == cells(source)


def test_csv_is_written_with_quotes_only_where_needed(put):
    content = 'a,b\n007,"x, y"\n1.50,\n'
    assert converted(put("in.csv", content), ".csv").read_bytes() == content.encode()


def test_csv_columns_are_typed_in_parquet_where_they_have_one_type(put):
    source = put("in.csv", "i,f,t,code,mixed,none\n1,1,true,007,1,\n,2.5,NA,8,x,NA\n")
    out = open_source(converted(source, ".parquet"))
    assert [str(kind) for kind in out.schema.types] == [
        "int64",
        "double",
        "bool",
        "string",
        "string",
        "string",
    ]
    assert cells(out.path) == [
        {"i": 1, "f": 1.0, "t": True, "code": "007", "mixed": "1", "none": ""},
        {"i": None, "f": 2.5, "t": None, "code": "8", "mixed": "x", "none": "NA"},
    ]


def test_a_columns_type_may_change_late_in_the_file(put):
    lines = ["a"] + ["1"] * 1500 + ["2.5"] + ["3"] * 1500
    out = open_source(converted(put("in.csv", "\n".join(lines)), ".parquet"))
    assert out.schema.types == [pa.float64()]


@pytest.mark.parametrize("odd", [["x", 1], [2**70, 1], [2**53 + 1, 0.5], [[1], ["a"]], [True, 1]], ids=str)
def test_a_json_column_without_one_type_is_text_in_parquet(put, odd):
    path = put("in.jsonl", "".join(json.dumps({"a": cell}) + "\n" for cell in odd))
    expected = [cell if isinstance(cell, str) else json.dumps(cell) for cell in odd]
    assert [row["a"] for row in cells(converted(path, ".parquet"))] == expected


def test_nested_json_is_a_struct_in_parquet_and_json_in_csv(put):
    path = put("in.jsonl", '{"x": {"a": 1}, "y": [1]}\n{"x": {"b": "é"}, "y": []}\n')
    assert cells(converted(path, ".parquet"))[0]["x"] == {"a": 1, "b": None}
    assert cells(converted(path, ".csv")) == [{"x": '{"a": 1}', "y": "[1]"}, {"x": '{"b": "é"}', "y": "[]"}]


def test_a_mapping_that_is_always_empty_cannot_be_parquet(put):
    path = put("in.jsonl", '{"x": {}}\n')
    with pytest.raises(OutputError, match="columnar"):
        converted(path, ".parquet")
    assert cells(converted(path, ".csv")) == [{"x": "{}"}]


def test_json_lines_with_different_names_have_every_name_in_csv(put):
    path = put("in.jsonl", '{"a": 1}\n{"b": 2}\n')
    assert converted(path, ".csv").read_text() == "a,b\n1,\n,2\n"


def test_csv_values_become_json_values(put):
    path = put("in.csv", "a,b,c\n1,007,\ntrue,x,0.5\n")
    assert cells(converted(path, ".jsonl")) == [
        {"a": 1, "b": "007", "c": None},
        {"a": True, "b": "x", "c": 0.5},
    ]


def test_nan_becomes_null_in_json(put):
    path = put("in.parquet", pa.table({"a": [float("nan"), 1.0]}))
    assert converted(path, ".jsonl").read_text() == '{"a": null}\n{"a": 1.0}\n'


def test_gzip_output_is_the_same_each_time(put):
    path = put("in.csv", "a\n1\n")
    first = converted(path, ".csv.gz").read_bytes()
    assert converted(path, ".csv.gz").read_bytes() == first
    assert first[4:8] == bytes(4)  # no time
    assert b"out" not in first
