from __future__ import annotations

import tracemalloc

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embedreg.core.errors import DataError, UsageError
from embedreg.tasks import InputSpec, count_rows, open_writer, output_columns, stream_records
from embedreg.tasks.formats import open_source

SPEC = InputSpec("y", columns=("a", "b"))


def test_batches_have_raw_cells_and_typed_records(put):
    path = put("a.csv", "a,b,y\n1.50,x,\n007,,z\n5,NA,1\n")
    first, second = stream_records(path, SPEC, batch_rows=2)
    assert first.rows == [{"a": "1.50", "b": "x", "y": ""}, {"a": "007", "b": "", "y": "z"}]
    assert first.records == [{"a": 1.5, "b": "x"}, {"a": "007", "b": None}]
    assert second.records == [{"a": 5, "b": None}]


@pytest.mark.parametrize("batch_rows", [1, 3, 1000])
def test_a_record_does_not_depend_on_its_batch(put, batch_rows):
    path = put("a.csv", "a,b,y\n1,2,\nx,,\n0.5,true,\nNA,01,\n")
    whole = [record for batch in stream_records(path, SPEC) for record in batch.records]
    assert [
        record for batch in stream_records(path, SPEC, batch_rows=batch_rows) for record in batch.records
    ] == whole


def test_target_may_be_absent_and_other_columns_present(put):
    path = put("a.csv", "id,b,a\n9,x,1\n")
    (batch,) = stream_records(path, SPEC)
    assert batch.records == [{"a": 1, "b": "x"}]
    assert batch.rows == [{"id": "9", "b": "x", "a": "1"}]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "a,bb\n1,2\n"),
        ("a.jsonl", '{"a": 1, "bb": 2}\n{"a": 1}\n'),
        ("a.parquet", pa.table({"a": [1], "bb": [2]})),
    ],
)
def test_a_lacking_column_names_the_nearest(put, name, content):
    with pytest.raises(UsageError, match=r"no column 'b' .* did you mean 'bb'"):
        count_rows(put(name, content), SPEC)


def test_a_column_that_a_saved_model_reads_has_to_be_added_or_renamed(put):
    saved = InputSpec.from_json(InputSpec("y", columns=("a", "b")).to_json())
    with pytest.raises(UsageError, match=r"no column 'b' .* the model was fitted on.* add the column"):
        count_rows(put("a.csv", "a,bb\n1,2\n"), saved)
    with pytest.raises(UsageError, match="rename 'B' to 'b'"):
        count_rows(put("b.csv", "a,B\n1,2\n"), saved)


@pytest.mark.parametrize("spec", [InputSpec("y", text="t"), InputSpec("y", unwrap="t")])
def test_a_lacking_text_or_mapping_names_the_nearest(put, spec):
    with pytest.raises(UsageError, match=r"no column 't' .* did you mean 'T'"):
        next(stream_records(put("a.jsonl", '{"T": "x"}\n'), spec))


@pytest.mark.parametrize("spec", [InputSpec("y", text="t"), InputSpec("y", unwrap="t")])
@pytest.mark.parametrize("first", [1, 1001])
def test_rows_without_their_text_or_mapping_are_never_passed_over(put, spec, first):
    rows = ['{"t": "x"}' if spec.text else '{"t": {"a": 1}}'] * 2500
    rows[first - 1 : first + 999] = ["{}"] * 1000
    with pytest.raises(DataError, match=f"row {first}"):
        count_rows(put("a.jsonl", "\n".join(rows)), spec)


def test_json_rows_may_lack_conditional_names(put):
    path = put("a.jsonl", '{"a": 1}\n{"b": 2}\n')
    (batch,) = stream_records(path, SPEC)
    assert batch.records == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize(
    ("name", "content", "rows"),
    [
        ("a.csv", 'a,b\n1,"x\n\ny"\n\n2,z\n', 2),
        ("a.jsonl", '{"a": 1, "b": 1}\n\n{"a": 2}\n', 2),
        ("a.parquet", pa.table({"a": range(2500), "b": range(2500)}), 2500),
    ],
)
def test_count_rows(put, name, content, rows):
    path = put(name, content)
    assert count_rows(path) == count_rows(path, SPEC) == rows


def test_counting_finds_what_is_wrong_at_the_end(put):
    content = "t\n" + "fine\n" * 3000 + '" "\n'
    path = put("a.csv", content)
    assert count_rows(path) == 3001
    with pytest.raises(DataError, match="row 3001"):
        count_rows(path, InputSpec(None, text="t"))
    with pytest.raises(DataError, match="line 3003"):
        count_rows(put("b.csv", content + "one,too many\n"))


def test_no_rows(put):
    with pytest.raises(DataError, match="no rows"):
        count_rows(put("a.csv", "a,b\n"), SPEC)


def predict_peak(source, destination) -> int:
    """Return the peak of memory in bytes of reading, predicting and writing back."""
    spec = InputSpec("y", columns=("a", "b", "c"))
    tracemalloc.start()
    try:
        with open_writer(destination, output_columns(source, "prediction"), like=source) as writer:
            for batch in stream_records(source, spec):
                writer.write([row | {"prediction": 0.5} for row in batch.rows])
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("suffix", [".csv", ".jsonl.gz", ".parquet", ".arrow"])
def test_memory_does_not_grow_with_the_file(tmp_path, suffix):
    peaks = {}
    for rows in (3000, 30_000):
        plain = tmp_path / f"in{rows}.csv"
        plain.write_text("a,b,c,y\n" + "".join(f"{i},text number {i},{i / 7},{i % 5}\n" for i in range(rows)))
        source = tmp_path / f"in{rows}{suffix}"
        if suffix != ".csv":
            with open_writer(source, output_columns(plain), like=plain) as writer:
                writer.write([row.cells for row in open_source(plain).rows()])
        peaks[rows] = predict_peak(source, tmp_path / f"out{suffix}")
        assert count_rows(tmp_path / f"out{suffix}") == rows
    assert peaks[30_000] < 1.5 * peaks[3000]


@pytest.mark.slow
def test_memory_of_arrow_does_not_grow_with_the_file(tmp_path):
    """Arrow's own memory, which tracemalloc does not see, for one large row group."""
    peaks = {}
    for rows in (100_000, 1_000_000):
        path = tmp_path / f"{rows}.parquet"
        numbers = pa.array([i * 7919 % 1_000_003 for i in range(rows)])
        pq.write_table(
            pa.table({"a": numbers, "b": numbers}), path, row_group_size=rows, use_dictionary=False
        )
        del numbers
        peaks[rows] = 0
        for _ in open_source(path).rows():
            peaks[rows] = max(peaks[rows], pa.total_allocated_bytes())
    assert peaks[1_000_000] < 2 * peaks[100_000]
