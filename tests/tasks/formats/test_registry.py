from __future__ import annotations

from pathlib import Path

import pytest

from embedreg.core.errors import DataError, UsageError
from embedreg.tasks.formats import FORMATS, format_of, open_source


@pytest.mark.parametrize("suffix", FORMATS)
def test_suffixes_in_either_case(suffix):
    assert format_of(Path(f"a{suffix}")) is FORMATS[suffix]
    assert format_of(Path(f"A.B{suffix.upper()}")) is FORMATS[suffix]


@pytest.mark.parametrize("suffix", FORMATS)
def test_only_text_may_be_gzipped(suffix):
    path = Path(f"a{suffix}.gz")
    if FORMATS[suffix].is_text:
        assert format_of(path) is FORMATS[suffix]
    else:
        with pytest.raises(UsageError, match=r"\.gz"):
            format_of(path)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a.json", "jq"),
        ("a.xlsx", "save the sheet"),
        ("a", "convert"),
        ("a.gz", "convert"),
        (".csv", "convert"),
    ],
)
def test_unknown_names_say_what_is_known(name, said):
    with pytest.raises(UsageError, match=said) as error:
        format_of(Path(name))
    assert ".parquet" in error.value.expected


def test_a_name_to_write_to_is_not_told_how_to_read_one():
    with pytest.raises(UsageError, match="choose one of those"):
        format_of(Path("a.xlsx"), to_write=True)


def test_no_file(tmp_path):
    with pytest.raises(UsageError, match=r"no file .*a\.csv"):
        open_source(tmp_path / "a.csv")


def test_a_directory(tmp_path):
    with pytest.raises(UsageError, match="the directory"):
        open_source(tmp_path)


def test_a_pipe_cannot_be_read_twice(tmp_path):
    import os

    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(UsageError, match="no regular file"):
        open_source(tmp_path / "a.csv")


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet", "a.csv.gz"])
def test_an_empty_file(put, name):
    with pytest.raises(DataError, match="an empty file"):
        open_source(put(name, ""))
