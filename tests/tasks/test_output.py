from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embedreg.core.errors import OutputError, UsageError
from embedreg.tasks import open_writer, output_columns, stream_records
from embedreg.tasks._input_spec import InputSpec

CONTENT = 'id,a,note\n007,1.50,"x, ""y"""\n008,,NA\n'
SPEC = InputSpec(None, columns=("a",))


def predict(source, destination, **added):
    """Write a file's rows with columns of numbers added."""
    with open_writer(destination, output_columns(source, *added), like=source) as writer:
        for batch in stream_records(source, SPEC, batch_rows=1):
            writer.write([row | added for row in batch.rows])


def test_csv_keeps_the_users_cells_and_adds_a_column(put, tmp_path):
    predict(put("a.csv", CONTENT), tmp_path / "out.csv", prediction=1 / 3)
    assert (tmp_path / "out.csv").read_text() == (
        'id,a,note,prediction\n007,1.50,"x, ""y""",0.3333333333333333\n008,,NA,0.3333333333333333\n'
    )


def test_json_lines_keep_their_values_and_names(put, tmp_path):
    source = put("a.jsonl", '{"a": 1, "x": {"é": [null, 1.0]}}\n{"b": "007", "a": null}\n')
    predict(source, tmp_path / "out.jsonl", prediction=0.5)
    assert (tmp_path / "out.jsonl").read_text() == (
        '{"a": 1, "x": {"é": [null, 1.0]}, "prediction": 0.5}\n{"b": "007", "a": null, "prediction": 0.5}\n'
    )


def test_parquet_keeps_types_and_adds_a_number(put, tmp_path):
    table = pa.table({"a": pa.array([1, None], pa.int8()), "b": pa.array(["x", "y"]).dictionary_encode()})
    predict(put("a.parquet", table), tmp_path / "out.parquet", prediction=0.5)
    found = pq.read_table(tmp_path / "out.parquet")
    assert found.schema.types == [*table.schema.types, pa.float64()]
    assert found.drop_columns("prediction").equals(table)
    assert found["prediction"].to_pylist() == [0.5, 0.5]


def test_several_columns_may_be_added(put, tmp_path):
    predict(put("a.csv", "a\n1\n"), tmp_path / "out.csv", low=0.0, prediction=0.5, high=1.0)
    assert (tmp_path / "out.csv").read_text() == "a,low,prediction,high\n1,0.0,0.5,1.0\n"


def test_a_column_of_that_name_is_never_overwritten(put):
    path = put("a.csv", "a,prediction\n1,2\n")
    with pytest.raises(UsageError, match="'prediction'"):
        output_columns(path, "prediction")
    assert output_columns(path, "p2") == ("a", "prediction", "p2")


def test_a_file_can_be_replaced_by_its_own_predictions(put):
    path = put("a.csv", "a\n1\n2\n")
    predict(path, path, prediction=0.5)
    assert path.read_text() == "a,prediction\n1,0.5\n2,0.5\n"


def predict_until(error, source, destination):
    with open_writer(destination, output_columns(source), like=source) as writer:
        writer.write([batch.rows[0] for batch in stream_records(source, SPEC)])
        raise error


@pytest.mark.parametrize("name", ["out.csv", "out.tsv.gz", "out.jsonl", "out.parquet", "out.arrow"])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_interruption_leaves_what_was_there(put, tmp_path, name, error):
    source = put("a.csv", CONTENT)
    (tmp_path / name).write_text("before")
    with pytest.raises(error):
        predict_until(error, source, tmp_path / name)
    assert (tmp_path / name).read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", name]


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz", "out.jsonl", "out.parquet", "out.feather"])
def test_a_full_disk(put, tmp_path, name):
    (tmp_path / name).symlink_to("/dev/full")
    with pytest.raises(OutputError, match="No space left on device"):
        predict(put("a.csv", CONTENT), tmp_path / name, prediction=0.5)


def test_no_folder(put, tmp_path):
    with pytest.raises(OutputError, match="No such file"):
        predict(put("a.csv", CONTENT), tmp_path / "none" / "out.csv", prediction=0.5)


def test_a_directory(put, tmp_path):
    (tmp_path / "out.csv").mkdir()
    with pytest.raises(OutputError, match="Is a directory"):
        predict(put("a.csv", CONTENT), tmp_path / "out.csv", prediction=0.5)


def test_an_unknown_format_is_found_before_anything_is_written(put, tmp_path):
    with pytest.raises(UsageError, match=r"out\.docx"):
        predict(put("a.csv", CONTENT), tmp_path / "out.docx", prediction=0.5)
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_binary_columns_go_to_parquet_only(put, tmp_path):
    source = put("a.parquet", pa.table({"a": [1], "b": [b"\0\xff"]}))
    predict(source, tmp_path / "out.parquet", prediction=0.5)
    assert pq.read_table(tmp_path / "out.parquet")["b"].to_pylist() == [b"\0\xff"]
    for name in ("out.csv", "out.jsonl"):
        with pytest.raises(UsageError, match=r"bytes.*\.parquet"):
            predict(source, tmp_path / name, prediction=0.5)
        assert not (tmp_path / name).exists()


@pytest.mark.parametrize(
    ("name", "first"), [("a.csv", "a,p"), ("a.tsv", "a,p"), ("a.jsonl", '{"a": 1, "p": 0.5}')]
)
def test_standard_output(put, capfdbinary, name, first):
    source = put(name, {"a.jsonl": '{"a": 1}\n'}.get(name, "a\n1\n"))
    predict(source, None, p=0.5)
    assert capfdbinary.readouterr().out.decode().splitlines()[0] == first
    assert not sys.stdout.closed


def test_standard_output_that_is_closed(put, monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(OutputError, match="a closed standard output.*give -o FILE"):
        predict(put("a.csv", "a\n1\n"), None, p=0.5)


def test_standard_output_is_utf_8_whatever_the_terminal(put, monkeypatch):
    buffer = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(buffer, encoding="ascii"))
    predict(put("a.csv", "a,b\n1,é\n"), None, p=0.5)
    assert next(csv.DictReader(buffer.getvalue().decode().splitlines()))["b"] == "é"


SCRIPT = """
import sys
from pathlib import Path
from embedreg.tasks import open_writer, output_columns
path = Path(sys.argv[1])
try:
    with open_writer(None, output_columns(path), like=path) as writer:
        for _ in range(int(sys.argv[2])):
            writer.write([{"a": "x" * 1000}] * 100)
except Exception as error:
    print(type(error).__name__, file=sys.stderr)
    sys.stderr.flush()
import os
os._exit(0)
"""


@pytest.mark.parametrize(
    ("sink", "batches", "error"),
    [
        ("| head -c 10 >/dev/null", 1000, "BrokenPipeError"),
        ("> /dev/full", 1000, "OutputError"),
        ("> /dev/full", 0, "OutputError"),
    ],
)
def test_standard_output_that_takes_no_more(put, sink, batches, error):
    path = put("a.csv", "a\n1\n")
    command = f'"{sys.executable}" -c "$SCRIPT" "{path}" {batches} {sink}'
    done = subprocess.run(
        command,
        shell=True,
        env=os.environ | {"SCRIPT": SCRIPT, "PYTHONUNBUFFERED": ""},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.stderr.strip() == error


def test_numbers_keep_all_their_digits(put, tmp_path):
    number = 0.1 + 0.2
    source = put("a.csv", "a\n1\n")
    predict(source, tmp_path / "out.csv", p=number)
    predict(source, tmp_path / "out.jsonl", p=number)
    with (tmp_path / "out.csv").open() as file:
        assert float(next(csv.DictReader(file))["p"]) == number
    assert json.loads((tmp_path / "out.jsonl").read_text())["p"] == number


def test_nothing_goes_to_standard_output_before_there_is_something(put, capfdbinary):
    source = put("a.csv", CONTENT)
    with pytest.raises(KeyboardInterrupt), open_writer(None, output_columns(source), like=source):
        raise KeyboardInterrupt
    assert capfdbinary.readouterr().out == b""
    with open_writer(None, output_columns(source), like=source):
        pass
    assert capfdbinary.readouterr().out == b"id,a,note\n"


def test_a_nameless_index_goes_nowhere(put, tmp_path):
    table = pa.table({"a": [1, 2], "__index_level_0__": [7, 8]})
    predict(put("a.parquet", table), tmp_path / "out.jsonl", prediction=0.5)
    assert json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0]) == {"a": 1, "prediction": 0.5}


@pytest.mark.parametrize("order", [1, -1])
def test_integers_beyond_those_of_a_double_are_text_beside_fractions(put, tmp_path, order):
    cells = [*["9007199254740993"] * 1000, *["0.5"] * 1000][::order]
    predict(put("a.csv", "a\n" + "\n".join(cells)), tmp_path / "out.parquet", prediction=0.5)
    assert pq.read_table(tmp_path / "out.parquet")["a"].to_pylist() == cells
