from __future__ import annotations

import warnings

import pyarrow as pa
import pytest

from embedreg.core.errors import DataError, EmbedregWarning, UsageError
from embedreg.tasks import InputSpec, resolve_input


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", "a,b,y\n1,2,3\n", InputSpec("y", columns=("a", "b"))),
        ("a.csv", "smiles,y\nCCO,1\nC,2\n", InputSpec("y", text="smiles")),
        ("a.csv", "a,y\n1,2\n3,4\n", InputSpec("y", columns=("a",))),
        ("a.csv", "a,y\nx,2\n3,4\n", InputSpec("y", columns=("a",))),
        ("a.jsonl", '{"x": {"a": 1}, "y": 1}\n{"x": {"b": 1}, "y": 2}\n', InputSpec("y", unwrap="x")),
        ("a.jsonl", '{"x": "a", "y": 1}\n{"x": "1", "y": 2}\n', InputSpec("y", text="x")),
        ("a.jsonl", '{"x": "a", "y": 1}\n{"x": {}, "y": 2}\n', InputSpec("y", columns=("x",))),
        ("a.jsonl", '{"x": "a", "y": 1}\n{"y": 2}\n', InputSpec("y")),
        (
            "a.jsonl",
            '{"a": 1, "b": 2, "y": 1}\n{"b": 1, "a": 2, "y": 2}\n',
            InputSpec("y", columns=("a", "b")),
        ),
        ("a.jsonl", '{"a": 1, "b": 2}\n{"b": 1, "a": 2, "y": 2}\n', InputSpec("y", columns=("a", "b"))),
        ("a.jsonl", '{"a": 1, "y": 1}\n{"b": 1, "y": 2}\n', InputSpec("y")),
    ],
)
def test_all_but_the_target(put, name, content, expected):
    assert resolve_input(put(name, content), target="y") == expected


def test_a_struct_column_is_the_record(put):
    table = pa.table({"x": [{"a": 1}, {"a": 2}], "y": [1.0, 2.0]})
    assert resolve_input(put("a.parquet", table), target="y") == InputSpec("y", unwrap="x")


def test_without_a_target(put):
    path = put("a.csv", "a,b\n1,2\n")
    assert resolve_input(path) == InputSpec(None, columns=("a", "b"))
    assert resolve_input(path, text="a") == InputSpec(None, text="a")


def test_a_chosen_column_is_a_mapping_even_alone(put):
    path = put("a.csv", "a,b,y\nx,2,3\n")
    assert resolve_input(path, target="y", columns=["a"]) == InputSpec("y", columns=("a",))
    assert resolve_input(path, target="y", text="a") == InputSpec("y", text="a")


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"target": "z"}, "no column 'z'"),
        ({"target": "y", "text": "z"}, "no column 'z'"),
        ({"target": "y", "columns": ["a", "z"]}, "no column 'z'"),
        ({"target": "y", "text": "a", "columns": ["b"]}, "both a text column and columns"),
        ({"target": "y", "text": "y"}, "the target 'y' among the inputs"),
        ({"target": "y", "columns": ["a", "y"]}, "the target 'y' among the inputs"),
        ({"target": "y", "columns": []}, "at least one"),
        ({"target": "y", "columns": ["a", "a"]}, "each once"),
    ],
)
def test_wrong_choices(put, choice, said):
    with pytest.raises(UsageError, match=said):
        resolve_input(put("a.csv", "a,b,y\n1,2,3\n"), **choice)


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_nothing_but_the_target(put, name):
    path = put(name, {"a.csv": "y\n1\n", "a.jsonl": '{"y": 1}\n'}[name])
    with pytest.raises(DataError, match="no column but the target"):
        resolve_input(path, target="y")


def test_a_nameless_index_is_warned_of(put):
    path = put("a.csv", ",a,y\n0,1,2\n1,5,3\n")
    with pytest.warns(EmbedregWarning, match="column without a name"):
        assert resolve_input(path, target="y").columns == ("", "a")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        resolve_input(path, target="y", columns=["a"])


@pytest.mark.parametrize(
    ("name", "header", "said"),
    [
        ("a.csv", "lr;depth;y", "separated by ';' in .*save it comma-separated$"),
        ("a.csv", "lr\tdepth\ty", r"separated by '\\t' in .*save it comma-separated, or name it \.tsv$"),
        ("a.csv", "lr|depth|y", r"separated by '\|' in "),
        ("a.tsv", "lr,depth,y", r"separated by ',' in .*save it tab-separated, or name it \.csv$"),
        ("a.tsv", "lr;depth, log;y", "separated by ';' in .*save it tab-separated$"),
        ("a.csv", "lr", "one of 'lr'"),
        ("a.jsonl", '{"lr;y": 1}', "one of 'lr;y'"),
    ],
)
def test_a_header_with_another_delimiter(put, name, header, said):
    with pytest.raises((DataError, UsageError), match=said):
        resolve_input(put(name, f"{header}\n"), target="y")


@pytest.mark.parametrize(("asked", "chosen"), [(["lr", " depth"], ("lr", "depth")), ([" wide"], (" wide",))])
def test_blanks_around_a_name_are_part_of_it_only_where_a_column_has_them(put, asked, chosen):
    path = put("a.csv", "lr,depth, wide,wide,y\n1,2,3,4,5\n")
    assert resolve_input(path, target="y", columns=asked).columns == chosen
