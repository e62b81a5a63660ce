from __future__ import annotations

import decimal
import hashlib

import numpy as np
import pyarrow as pa
import pytest

from embedreg.core.errors import DataError, UsageError
from embedreg.core.records import MAX_TEXT_BYTES
from embedreg.tasks import InputSpec, load_labelled

EQUAL = {
    "a.csv": "a,b,y\n1,x,0.5\n,y,2\n",
    "a.tsv": "a\tb\ty\n1\tx\t0.5\n\ty\t2\n",
    "a.jsonl": '{"a": 1, "b": "x", "y": 0.5}\n{"a": null, "b": "y", "y": 2}\n',
    "a.parquet": pa.table({"a": pa.array([1, None]), "b": ["x", "y"], "y": [0.5, 2.0]}),
}


@pytest.mark.parametrize("name", EQUAL)
def test_every_format_gives_the_same_table(put, name):
    path = put(name, EQUAL[name])
    table = load_labelled(path, "y")
    assert table.records == [{"a": 1, "b": "x"}, {"a": None, "b": "y"}]
    assert table.y.tolist() == [0.5, 2.0]
    assert table.y.dtype == np.float64
    assert table.spec == InputSpec("y", columns=("a", "b"))
    assert table.columns == ("a", "b", "y")
    assert table.path == path
    assert table.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert len(table) == 2


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1, 2], pa.int8()),
        pa.array([decimal.Decimal("1.0"), decimal.Decimal("2.0")]),
        pa.array([1.0, 2.0], pa.float32()),
    ],
    ids=["int8", "decimal", "float32"],
)
def test_numeric_types(put, column):
    assert load_labelled(put("a.parquet", pa.table({"a": ["x", "z"], "y": column})), "y").y.tolist() == [
        1.0,
        2.0,
    ]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "a.csv",
            "a,y\n1,high\n2,3\n",
            r"1 of 2 rows of the target 'y': the text 'high' in row 1 \(line 2\)",
        ),
        ("a.csv", 'a,y\n"1\n",3\n2,\n', r"nothing in row 2 \(line 4\)"),
        ("a.csv", "a,y\n1,3\n2,NaN\n", "nothing in row 2"),
        ("a.csv", "a,y\n1,3\n2,-inf\n", "-inf in row 2"),
        ("a.csv", "a,y\n1,true\n2,false\n", "True in row 1"),
        ("a.csv", "a,y\n1,3\n2," + "9" * 400 + "\n", r"999 in row 2"),
        ("a.jsonl", '{"a": 1, "y": "2"}\n{"a": 2, "y": 3}\n', r"the text '2' in row 1 \(line 1\)"),
        (
            "a.jsonl",
            '{"a": 1, "y": NaN}\n{"a": 2}\n{"a": 3, "y": [1]}\n',
            "nothing in row 1 .* in row 2 .* a list in row 3",
        ),
        ("a.parquet", pa.table({"a": [1, 2], "y": [1.0, float("nan")]}), "nothing in row 2;"),
        ("a.parquet", pa.table({"a": [1, 2], "y": pa.array([None, 1.0])}), "nothing in row 1;"),
    ],
)
def test_targets_that_are_no_finite_number(put, name, content, said):
    with pytest.raises(DataError, match=said):
        load_labelled(put(name, content), "y")


def test_five_bad_rows_are_named_and_the_rest_counted(put):
    lines = ["a,y"] + [f"{i},{'bad' if i % 2 else i}" for i in range(4000)]
    with pytest.raises(DataError, match=r"2,000 of 4,000 rows.*row 10 \(line 11\) and 1,995 more;"):
        load_labelled(put("a.csv", "\n".join(lines)), "y")


def test_a_target_without_any_number_is_the_wrong_column(put):
    with pytest.raises(DataError, match="choose a numeric column"):
        load_labelled(put("a.csv", "a,y\n1,u\n2,v\n"), "y")


@pytest.mark.parametrize("values", [(2, 2), ("0.1", "0.10"), ("-0", "0.0")])
def test_constant_target(put, values):
    content = "a,y\n" + "".join(f"{i},{value}\n" for i, value in enumerate(values))
    with pytest.raises(DataError, match="a constant target"):
        load_labelled(put("a.csv", content), "y")


def test_constant_target_is_named(put):
    with pytest.raises(DataError, match=r"a constant target 'y': 2 in every row"):
        load_labelled(put("a.csv", "a,y\n1,2\n5,2\n"), "y")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "a,y\n"),
        ("a.csv", "a,y"),
        ("a.jsonl", "\n\n"),
        ("a.parquet", pa.table({"a": pa.array([], pa.int64()), "y": pa.array([], pa.float64())})),
    ],
)
def test_no_rows(put, name, content):
    with pytest.raises(DataError, match="no rows"):
        load_labelled(put(name, content), "y")


def test_blank_texts_are_refused_with_their_rows(put):
    with pytest.raises(DataError, match=r"blanks in the texts of 2 rows \(2, 3\)"):
        load_labelled(put("a.csv", 't,y\nfine,1\n,2\n"  ",3\n'), "y", text="t")


def test_a_missing_text_is_refused(put):
    with pytest.raises(DataError, match=r"nothing as the text in column 't' at row 2"):
        load_labelled(put("a.jsonl", '{"t": "a", "y": 1}\n{"t": null, "y": 2}\n'), "y", text="t")


def test_numbers_as_texts_stay_as_written(put):
    assert load_labelled(put("a.csv", "t,y\n1.50,1\nNA,2\n"), "y", text="t").records == ["1.50", "NA"]


def test_a_saved_input_is_used_as_it_was(put):
    spec = InputSpec("y", columns=("b", "a"))
    table = load_labelled(put("a.csv", "z,a,b,score\n0,1,2,3\n0,4,5,6\n"), "score", spec=spec)
    assert table.records == [{"b": 2, "a": 1}, {"b": 5, "a": 4}]
    assert table.y.tolist() == [3.0, 6.0]
    assert table.spec is spec


def test_a_saved_input_and_another_is_one_too_many(put):
    with pytest.raises(UsageError, match="a saved input"):
        load_labelled(put("a.csv", "a,y\n1,2\n"), "y", text="a", spec=InputSpec("y", text="a"))


def test_a_saved_input_without_its_target(put):
    with pytest.raises(UsageError, match="no column 'y'"):
        load_labelled(put("a.csv", "a,b\n1,2\n"), "y", spec=InputSpec("y", columns=("a",)))


def test_another_target_is_no_input_of_rows_with_their_own_names(put):
    path = put("a.jsonl", '{"a": 1, "truth": 2}\n{"b": 3, "truth": 4, "y": 5}\n')
    assert load_labelled(path, "truth", spec=InputSpec("y")).records == [{"a": 1}, {"b": 3}]


def test_texts_that_together_are_too_long_are_named_by_their_row(put):
    half = "a" * (MAX_TEXT_BYTES // 2 + 1)
    with pytest.raises(DataError, match=r"more than 1,000,000 bytes in all columns at row 2 \(line 3\)"):
        load_labelled(put("a.csv", f"a,b,y\nx,z,1\n{half},{half},2\n"), "y")


def test_a_path_may_be_a_text(put):
    path = put("a.csv", "a,y\n1,2\n3,4\n")
    assert load_labelled(str(path), "y").records == load_labelled(path, "y").records
