"""Every form that users hold their data in becomes the same plain records."""

from __future__ import annotations

import collections
import copy
import datetime as dt
import math
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse

from embedreg.core.errors import DataError
from embedreg.core.records import MAX_DEPTH, Records, as_records, native

TABLE = {"n": [1, 2], "x": [0.5, 1.5], "t": ["a", "b"], "b": [True, False]}
ROWS = [{"n": 1, "x": 0.5, "t": "a", "b": True}, {"n": 2, "x": 1.5, "t": "b", "b": False}]
TABLES = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "arrow": pa.table}


@pytest.fixture(params=TABLES)
def make_table(request):
    return TABLES[request.param]


def same_types(one, other):
    return [{k: type(v) for k, v in row.items()} for row in one] == [
        {k: type(v) for k, v in row.items()} for row in other
    ]


class TestTexts:
    @pytest.mark.parametrize(
        "X",
        [
            ["a", "b"],
            ("a", "b"),
            np.array(["a", "b"]),
            np.array(["a", "b"], dtype=object),
            np.array(["a", "b"], dtype=np.dtypes.StringDType()),
            [np.str_("a"), "b"],
            pd.Series(["a", "b"]),
            pd.Series(["a", "b"], dtype="string"),
            pd.Series(["a", "b"], dtype="category", index=[7, 3]),
            pl.Series(["a", "b"]),
            pl.Series(["a", "b"], dtype=pl.Categorical),
            pa.array(["a", "b"]),
            pa.chunked_array([["a"], ["b"]]),
            iter(["a", "b"]),
        ],
        ids=lambda X: f"{type(X).__module__}.{type(X).__name__}",
    )
    def test_sequences_of_texts(self, X):
        records = as_records(X)
        assert records.items == ["a", "b"]
        assert {type(item) for item in records.items} == {str}
        assert records.is_text
        assert records.feature_names is None
        assert records.width is None

    @pytest.mark.parametrize(
        "X",
        [
            ["a", None],
            ["a", math.nan],
            np.array(["a", None], dtype=object),
            pd.Series(["a", None]),
            pd.Series(["a", None], dtype="string"),
            pl.Series(["a", None]),
            pa.array(["a", None]),
        ],
        ids=lambda X: type(X).__name__,
    )
    def test_missing_texts_are_refused_by_row(self, X):
        with pytest.raises(DataError, match="got a missing value as record 1 after texts"):
            as_records(X)


class TestMappings:
    def test_kept_in_order_with_keys_that_differ(self):
        rows = [{"b": 1, "a": {"c": [1, None]}}, {}, {"a": "x"}]
        records = as_records(rows)
        assert records.items == rows
        assert not records.is_text
        assert records.width is None

    @pytest.mark.parametrize(
        "X", [pd.Series([{"a": 1}]), pl.Series([{"a": 1}]), np.array([{"a": 1}]), pa.array([{"a": 1}])]
    )
    def test_in_a_column(self, X):
        assert as_records(X).items == [{"a": 1}]

    def test_what_was_given_is_left_as_it_was(self):
        given = [{"a": np.arange(2), "b": {"c": (np.float32(1),)}}]
        before = copy.deepcopy(given)
        as_records(given).items[0]["b"]["c"].append(5)
        assert given[0].keys() == before[0].keys()
        assert given[0]["b"] == before[0]["b"]

    def test_missing_values_in_a_mapping(self):
        (row,) = as_records([{"a": pd.NA, "b": pd.NaT, "c": math.nan, "d": None, "e": [pd.NA]}]).items
        assert row == {"a": None, "b": None, "c": None, "d": None, "e": [None]}

    def test_a_mapping_that_holds_itself(self):
        endless = {}
        endless["a"] = [endless]
        with pytest.raises(DataError, match=f"more than {MAX_DEPTH} levels"):
            as_records([endless])


class TestTables:
    def test_plain_values_and_names(self, make_table):
        records = as_records(make_table(TABLE))
        assert records.items == ROWS
        assert same_types(records.items, ROWS)
        assert records.feature_names == ("n", "x", "t", "b")
        assert records.width == 4

    def test_missing_cells_are_none(self, make_table):
        table = make_table(
            {"n": [1, None], "x": [None, 0.5], "t": [None, "a"], "d": [None, dt.datetime(2024, 1, 2)]}
        )
        assert as_records(table).items == [
            {"n": 1, "x": None, "t": None, "d": None},
            {"n": None, "x": 0.5, "t": "a", "d": dt.datetime(2024, 1, 2)},
        ]

    def test_nan_is_missing(self, make_table):
        assert as_records(make_table({"x": [math.nan, 1.0]})).items == [{"x": None}, {"x": 1.0}]

    def test_lists_in_cells(self, make_table):
        assert as_records(make_table({"l": [[1, 2], []]})).items == [{"l": [1, 2]}, {"l": []}]

    def test_single_precision_keeps_its_shortest_text(self, make_table):
        table = make_table({"x": np.array([0.1, 1e-7, np.nan], dtype=np.float32)})
        assert as_records(table).items == [{"x": 0.1}, {"x": 1e-07}, {"x": None}]

    def test_dates_and_durations(self, make_table):
        moment, length = dt.datetime(2024, 1, 2, 3, 4, 5, 6), dt.timedelta(days=1, microseconds=7)
        (row,) = as_records(make_table({"m": [moment], "l": [length]})).items
        assert row == {"m": moment, "l": length}
        assert [type(value) for value in row.values()] == [dt.datetime, dt.timedelta]

    @pytest.mark.parametrize("kind", ["datetime64[ns]", "timedelta64[ns]"])
    def test_times_finer_than_a_microsecond_are_refused_not_cut(self, make_table, kind):
        fine, coarse = (
            make_table({"ok": [1, 2], "m": np.array([1000, n], dtype=kind)}) for n in (1001, 2000)
        )
        with pytest.raises(DataError, match="finer than a microsecond in column 'm'"):
            as_records(fine)
        assert len(as_records(coarse)) == 2

    @pytest.mark.parametrize("kind", ["datetime64[ns]", "timedelta64[ns]"])
    def test_times_in_nanoseconds_that_arrow_holds_for_pandas(self, kind):
        fine, coarse = (
            pd.DataFrame({"m": np.array([1000, n], dtype=kind)}).convert_dtypes(dtype_backend="pyarrow")
            for n in (1001, 2000)
        )
        with pytest.raises(DataError, match="finer than a microsecond in column 'm'"):
            as_records(fine)
        assert len(as_records(coarse)) == 2

    @pytest.mark.parametrize("kind", ["datetime64[ns]", "timedelta64[ns]"])
    def test_times_in_nanoseconds_may_be_missing(self, make_table, kind):
        cells = np.array([0, 86_400 * 10**9, "NaT"], dtype=kind)
        first, second, missing = as_records(make_table({"m": cells})).items
        assert first["m"] + dt.timedelta(days=1) == second["m"]
        assert missing == {"m": None}
        fine = np.array([1, "NaT"], dtype=kind)
        with pytest.raises(DataError, match="finer than a microsecond in column 'm'"):
            as_records(make_table({"m": fine}))

    def test_no_rows(self, make_table):
        records = as_records(make_table({"a": []}))
        assert (records.items, records.feature_names, records.width) == ([], ("a",), 1)

    def test_rows_without_columns_are_still_rows(self):
        assert as_records(pd.DataFrame(index=[0, 1])).items == [{}, {}]

    def test_row_labels_play_no_part(self):
        assert as_records(pd.DataFrame(TABLE, index=[5, 5])).items == ROWS

    def test_pandas_own_types(self):
        frame = pd.DataFrame(
            {
                "i": pd.array([1, None], dtype="Int64"),
                "f": pd.array([0.1, None], dtype="Float32"),
                "b": pd.array([True, None], dtype="boolean"),
                "c": pd.Categorical(["u", None]),
                "z": pd.to_datetime(["2024-01-02", None], utc=True),
            }
        )
        moment = dt.datetime(2024, 1, 2, tzinfo=dt.UTC)
        assert as_records(frame).items == [
            {"i": 1, "f": 0.1, "b": True, "c": "u", "z": moment},
            dict.fromkeys(frame.columns),
        ]

    def test_pandas_objects_in_cells(self):
        frame = pd.DataFrame(
            {"o": pd.Series([np.float32(0.1), Decimal("NaN"), {"a": np.int8(1)}], dtype=object)}
        )
        assert as_records(frame).items == [{"o": 0.1}, {"o": None}, {"o": {"a": 1}}]

    def test_decimals_stay_decimals(self):
        table = pa.table({"d": [Decimal("0.10"), None]})
        assert as_records(table).items == [{"d": Decimal("0.10")}, {"d": None}]

    def test_names_that_are_no_texts(self):
        records = as_records(pd.DataFrame([[1, 2]], columns=[0, ("a", "b")]))
        assert records.feature_names == ("0", "('a', 'b')")

    @pytest.mark.parametrize(
        "table",
        [
            pd.DataFrame([[1, 2, 3]], columns=["a", "b", "a"]),
            pd.DataFrame([[1, 2]], columns=[1, "1"]),
            pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]),
        ],
    )
    def test_duplicate_columns(self, table):
        with pytest.raises(DataError, match=r"duplicate column names \['(a|1)'\];.*rename"):
            as_records(table)


class TestArrays:
    @pytest.mark.parametrize(
        "X",
        [
            np.array([[1.5, 2.0]]),
            np.array([[1.5, 2.0]], dtype=np.float32),
            np.array([[1.5, 2.0]], dtype=object),
            np.asfortranarray([[1.5, 2.0]]),
            [[1.5, 2.0]],
            ((1.5, 2.0),),
            [np.array([1.5, 2.0])],
        ],
    )
    def test_columns_are_numbered(self, X):
        records = as_records(X)
        assert records.items == [{"x0": 1.5, "x1": 2.0}]
        assert same_types(records.items, [{"x0": 1.5, "x1": 2.0}])
        assert records.feature_names is None
        assert records.width == 2

    @pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
    def test_every_precision_keeps_its_shortest_text(self, dtype):
        assert as_records(np.array([[0.1, np.nan]], dtype=dtype)).items == [{"x0": 0.1, "x1": None}]

    @pytest.mark.parametrize(
        ("array", "row"),
        [
            (np.array([[1, 2]], dtype=np.int8), {"x0": 1, "x1": 2}),
            (np.array([[2**64 - 1]], dtype=np.uint64), {"x0": 2**64 - 1}),
            (np.array([[True]]), {"x0": True}),
            (np.array([["a", 1, None, np.nan]], dtype=object), {"x0": "a", "x1": 1, "x2": None, "x3": None}),
            (np.array([["a"]]), {"x0": "a"}),
            (np.array([["2024-01-02", "NaT"]], dtype="M8[ns]"), {"x0": dt.datetime(2024, 1, 2), "x1": None}),
            (np.array([[90]], dtype="m8[s]"), {"x0": dt.timedelta(seconds=90)}),
        ],
    )
    def test_types(self, array, row):
        (found,) = as_records(array).items
        assert found == row
        assert same_types([found], [row])

    def test_a_list_of_rows_keeps_each_cells_type(self):
        assert as_records([[1, "a", None], [2.5, True, math.nan]]).items == [
            {"x0": 1, "x1": "a", "x2": None},
            {"x0": 2.5, "x1": True, "x2": None},
        ]

    def test_no_rows(self):
        records = as_records(np.empty((0, 3)))
        assert records.items == []
        assert records.width == 3

    def test_no_columns(self):
        with pytest.raises(DataError, match="0 feature"):
            as_records(np.empty((2, 0)))

    def test_whatever_can_become_an_array(self):
        class Matrix:
            def __array__(self, dtype=None, copy=None):
                return np.ones((1, 2))

        assert as_records(Matrix()).items == [{"x0": 1.0, "x1": 1.0}]

    @pytest.mark.parametrize(
        ("rows", "what"), [([[1, 2], [3]], "length 1"), ([[1], "a"], "a str"), ([[1], 5], "a int")]
    )
    def test_uneven_rows(self, rows, what):
        with pytest.raises(DataError, match=f"{what}.*; expected a list of length {len(rows[0])}"):
            as_records(rows)

    @pytest.mark.parametrize(
        "array", [np.array([1.0, 2.0]), np.array(1.0), np.zeros((1, 2, 3)), np.array([], dtype=float)]
    )
    def test_other_shapes(self, array):
        with pytest.raises(DataError, match="Reshape your data"):
            as_records(array)

    @pytest.mark.parametrize(
        ("X", "what"),
        [
            (scipy.sparse.csr_matrix(np.eye(2)), "toarray"),
            (scipy.sparse.coo_array(np.eye(2)), "toarray"),
            (np.array([[1j]]), "Complex data not supported"),
            (np.ma.array([[1.0, 2.0]], mask=[[False, True]]), r"filled\(np.nan\)"),
        ],
    )
    def test_other_arrays(self, X, what):
        with pytest.raises(DataError, match=what):
            as_records(X)


class TestRefused:
    @pytest.mark.parametrize(
        "X",
        [
            "a text",
            b"raw",
            {"a": 1},
            {"a", "b"},
            frozenset("a"),
            None,
            5,
            1.5,
            object(),
            pl.LazyFrame({"a": [1]}),
            pa.record_batch({"a": [1]}),
        ],
    )
    def test_other_types(self, X):
        with pytest.raises(DataError, match=f"got {type(X).__name__} as records"):
            as_records(X)

    @pytest.mark.parametrize(
        ("X", "what"),
        [
            (["a", {"b": 1}], "type dict as record 1 after texts"),
            ([{"b": 1}, {}, "a"], "type str as record 2 after mappings"),
            ([1, 2], "type int as record 0"),
            ([None], "missing value as record 0"),
            ([b"a"], "type bytes as record 0"),
            (np.array([b"a"]), "type bytes as record 0"),
            (pd.Series([1.5]), "type float as record 0"),
            (range(2), "type int as record 0"),
        ],
    )
    def test_mixed_or_other_records(self, X, what):
        with pytest.raises(DataError, match=what):
            as_records(X)


def test_no_records():
    assert as_records([]) == Records([])
    assert len(as_records([])) == 0
    assert not as_records([]).is_text


def test_records_are_left_alone():
    records = as_records(["a"])
    assert as_records(records) is records


class TestNative:
    @pytest.mark.parametrize(
        ("value", "plain"),
        [
            (np.float32(0.1), 0.1),
            (np.float16(0.1), 0.1),
            (np.float64(0.1), 0.1),
            (np.int64(3), 3),
            (np.bool_(True), True),
            (np.str_("a"), "a"),
            (np.array(5), 5),
            (np.array(0.1, dtype=np.float32), 0.1),
            (np.array([[1], [2]]), [[1], [2]]),
            (np.datetime64("2024-01-02"), dt.datetime(2024, 1, 2)),
            (np.datetime64("2024", "Y"), dt.datetime(2024, 1, 1)),
            (np.timedelta64(1500, "ms"), dt.timedelta(seconds=1.5)),
            (np.datetime64("NaT"), None),
            (np.timedelta64("NaT"), None),
            (pd.Timestamp("2024-01-02"), dt.datetime(2024, 1, 2)),
            (pd.Timedelta("2s"), dt.timedelta(seconds=2)),
            ((1, (2,)), [1, [2]]),
            (collections.OrderedDict(a=np.int8(1)), {"a": 1}),
        ],
    )
    def test_becomes_plain(self, value, plain):
        assert native(value) == plain
        assert type(native(value)) is type(plain)

    @pytest.mark.parametrize(
        "value", [None, "a", 1, 0.5, True, Decimal("0.1"), dt.date(2024, 1, 2), dt.time(1), b"raw", object()]
    )
    def test_everything_else_stays_itself(self, value):
        assert native(value) is value

    @pytest.mark.parametrize(
        "value",
        [
            np.datetime64("2024-01-01T00:00:00.000000001"),
            np.datetime64(10**15, "s"),
            np.timedelta64(1, "ns"),
            np.timedelta64(1, "Y"),
            np.timedelta64(10**18, "s"),
            np.datetime64(10**18, "s"),
            pd.Timestamp(1),
            pd.Timedelta(1, unit="ns"),
        ],
    )
    def test_times_that_python_cannot_hold_are_refused(self, value):
        with pytest.raises(DataError, match="whole microseconds"):
            native(value)

    def test_long_doubles_lose_nothing(self):
        value = np.longdouble("0.1")
        plain = native(value)
        assert str(plain) == "0.1"
        assert not isinstance(plain, np.generic)


def test_nan_is_missing_in_mappings_as_in_a_frame():
    frame = pd.DataFrame({"a": [0.5, math.nan], "b": ["x", None]})
    assert as_records(frame.to_dict("records")).items == as_records(frame).items
    assert as_records([{"a": [np.float32("nan"), Decimal("nan")]}]).items == [{"a": [None, None]}]


class TestNamedRows:
    def test_a_structured_array(self):
        array = np.array([(1, "a", 0.1), (2, "b", np.nan)], dtype=[("n", int), ("t", "U3"), ("x", "f4")])
        for given in (array, array.view(np.recarray)):
            records = as_records(given)
            assert records.items == [{"n": 1, "t": "a", "x": 0.1}, {"n": 2, "t": "b", "x": None}]
            assert (records.feature_names, records.width) == (("n", "t", "x"), 3)

    def test_namedtuples(self):
        table = pd.DataFrame(TABLE)
        records = as_records(list(table.itertuples(index=False)))
        assert records == as_records(table)
        assert same_types(records.items, ROWS)

    @pytest.mark.parametrize("second", [(1, 2), collections.namedtuple("Other", ["b", "a"])(1, 2)])
    def test_rows_of_other_names(self, second):
        first = collections.namedtuple("Row", ["a", "b"])(1, 2)
        for rows in ([first, second], [second, first]):
            with pytest.raises(DataError, match="row 1 of other names than row 0"):
                as_records(rows)

    def test_a_batch_of_arrow(self):
        with pytest.raises(DataError, match="a table of an Arrow batch"):
            as_records(pa.RecordBatch.from_pydict(TABLE))
