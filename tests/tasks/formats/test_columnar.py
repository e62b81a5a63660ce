from __future__ import annotations

import datetime as dt
import decimal
import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from embedreg.core.errors import DataError, OutputError
from embedreg.tasks import open_writer
from embedreg.tasks.formats import open_source

ROW = {
    "int": (3, pa.int16(), 3),
    "uint": (2**64 - 1, pa.uint64(), 2**64 - 1),
    "float": (0.1, pa.float32(), 0.1),
    "half": (0.1, pa.float16(), float(str(np.float16(0.1)))),
    "double": (1 / 3, pa.float64(), 1 / 3),
    "bool": (True, pa.bool_(), True),
    "text": ("é\n", pa.large_string(), "é\n"),
    "category": ("red", pa.dictionary(pa.int8(), pa.string()), "red"),
    "decimal": (decimal.Decimal("1.10"), pa.decimal128(5, 2), decimal.Decimal("1.10")),
    "date": (dt.date(2024, 2, 29), pa.date32(), dt.date(2024, 2, 29)),
    "time": (dt.time(1, 2, 3), pa.time64("ns"), dt.time(1, 2, 3)),
    "stamp": (dt.datetime(2024, 2, 29, 1), pa.timestamp("ns"), dt.datetime(2024, 2, 29, 1)),
    "zoned": (
        dt.datetime(2024, 2, 29, tzinfo=dt.UTC),
        pa.timestamp("ns", "UTC"),
        dt.datetime(2024, 2, 29, tzinfo=dt.UTC),
    ),
    "span": (dt.timedelta(seconds=1), pa.duration("ns"), dt.timedelta(seconds=1)),
    "list": ([0.1, None], pa.list_(pa.float32()), [0.1, None]),
    "struct": (
        {"a": 0.1, "b": None},
        pa.struct([("a", pa.float32()), ("b", pa.string())]),
        {"a": 0.1, "b": None},
    ),
    "map": ([("k", 1)], pa.map_(pa.string(), pa.int64()), {"k": 1}),
}
SCHEMA = pa.schema([(name, kind) for name, (_, kind, _) in ROW.items()])
TABLE = pa.table(
    [pa.array([cell, None], kind) for cell, kind, _ in ROW.values()],
    schema=SCHEMA,
)
MEANT = [{name: value for name, (_, _, value) in ROW.items()}, dict.fromkeys(ROW)]


def write_stream(table, path):
    with pa.ipc.new_stream(path, table.schema) as sink:
        sink.write_table(table)


WRITE = {
    "a.parquet": pq.write_table,
    "a.feather": pyarrow.feather.write_feather,
    "a.arrow": write_stream,
}


@pytest.fixture(params=WRITE)
def file(request, tmp_path):
    """Write a table in each columnar format."""

    def write(table):
        WRITE[request.param](table, tmp_path / request.param)
        return tmp_path / request.param

    return write


def values(path):
    source = open_source(path)
    return [{name: source.value(cell) for name, cell in row.cells.items()} for row in source.rows()]


@pytest.mark.parametrize("name", ROW)
def test_each_type_becomes_a_plain_value(file, name):
    found = [row[name] for row in values(file(TABLE.select([name])))]
    assert found == [row[name] for row in MEANT]
    assert type(found[0]) is type(MEANT[0][name])


def test_columns_and_rows(file):
    source = open_source(file(pa.table({"b": [1, 2], "a": ["x", "y"]})))
    assert source.names == ("b", "a")
    assert [(row.number, row.line, row.place) for row in source.rows()] == [
        (1, None, "row 1"),
        (2, None, "row 2"),
    ]


def test_numbers_of_rows_go_on_over_batches(file):
    table = pa.concat_tables([pa.table({"a": list(range(1500))})] * 2)
    found = [(row.number, row.cells["a"]) for row in open_source(file(table)).rows()]
    assert found == [(i + 1, i % 1500) for i in range(3000)]


def test_nan_is_missing_but_stays_in_the_cell(file):
    source = open_source(file(pa.table({"a": [math.nan, math.inf]})))
    cells = [row.cells["a"] for row in source.rows()]
    assert math.isnan(cells[0])
    assert [source.value(cell) for cell in cells] == [None, math.inf]


def test_duplicate_names(file):
    path = file(pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]))
    with pytest.raises(DataError, match="'a' more than once"):
        open_source(path).names  # noqa: B018 (the property raises)


@pytest.mark.parametrize("kind", ["ns", "s"])
def test_times_that_python_cannot_hold_are_refused(file, kind):
    path = file(pa.table({"when": pa.array([2**40 + 1], pa.timestamp(kind))}))
    with pytest.raises(DataError, match="values in column 'when' .* whole microseconds"):
        values(path)


def test_the_nameless_index_of_pandas_is_no_column(tmp_path):
    frame = pd.DataFrame({"a": [1, 2, 3], "y": [1.0, 2.0, 3.0]}, index=[5, 2, 9])
    frame.to_parquet(tmp_path / "a.parquet")
    assert open_source(tmp_path / "a.parquet").names == ("a", "y")


@pytest.mark.parametrize("keep", [0.5, 0.01])
def test_half_written(file, keep):
    path = file(pa.table({"a": [f"row {i}" for i in range(1000)]}))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(DataError, match="cannot be read as"):
        values(path)


def test_damaged_inside(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": [i * 7919 % 1009 for i in range(5000)]}), path, use_dictionary=False)
    content = bytearray(path.read_bytes())
    content[100:4000] = b"x" * 3900
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        values(path)


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
def test_another_format_under_its_name(put, name):
    with pytest.raises(DataError, match="than its name says"):
        values(put(name, "a,y\n1,2\n3,4\n"))


@pytest.mark.parametrize("name", ["out.parquet", "out.feather"])
def test_every_type_is_written_back_exactly(file, convert, name):
    written = convert(file(TABLE), name)
    source = open_source(written)
    expected = SCHEMA
    if name == "out.feather":  # categories become texts there
        place = SCHEMA.get_field_index("category")
        expected = SCHEMA.set(place, pa.field("category", pa.string()))
    assert source.schema.equals(expected)
    read = pq.read_table(written) if name == "out.parquet" else pyarrow.feather.read_table(written)
    assert read.to_pylist() == TABLE.to_pylist()


def test_pandas_reads_its_own_table_back_with_index_and_categories(tmp_path, convert):
    frame = pd.DataFrame(
        {"a": pd.Categorical(["x", "y", None]), "y": [1.0, math.nan, 3.0]}, index=["i", "j", "k"]
    )
    frame.to_parquet(tmp_path / "a.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(convert(tmp_path / "a.parquet", "b.parquet")), frame)


def test_many_batches_make_few_row_groups(put, tmp_path):
    source = put("a.parquet", pa.table({"a": [1]}))
    with open_writer(tmp_path / "out.parquet", ["a"], like=source) as writer:
        for i in range(100):
            writer.write([{"a": i}] * 10)
    assert pq.ParquetFile(tmp_path / "out.parquet").num_row_groups == 1


def test_large_output_is_written_in_groups(put, tmp_path):
    source = put("a.parquet", pa.table({"a": ["x"]}))
    with open_writer(tmp_path / "out.parquet", ["a"], like=source) as writer:
        for i in range(25):
            writer.write([{"a": f"{i:03}" * 350_000}])  # about a megabyte
    found = pq.ParquetFile(tmp_path / "out.parquet")
    assert [found.metadata.row_group(i).num_rows for i in range(found.num_row_groups)] == [8, 8, 8, 1]
    assert [row["a"][:3] for row in found.read().to_pylist()] == [f"{i:03}" for i in range(25)]


def test_values_that_fit_no_column(put, tmp_path):
    source = put("a.parquet", pa.table({"a": [1]}))
    with (
        pytest.raises(OutputError, match=r"write to \.jsonl or \.csv"),
        open_writer(tmp_path / "out.parquet", ["a"], like=source) as writer,
    ):
        writer.write([{"a": "text"}])
    assert not (tmp_path / "out.parquet").exists()
