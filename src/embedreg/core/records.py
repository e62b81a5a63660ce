"""Records: what a prediction is made from, in one form whatever the user holds it in.

A record is a text or a mapping from names to values. `as_records` brings every accepted input to these.
"""

from __future__ import annotations

import datetime as dt
import decimal
import math
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from embedreg.core.errors import DataError

if TYPE_CHECKING:
    import narwhals as nw

_PLAIN = frozenset({str, int, float, bool, type(None)})

Scalar: TypeAlias = bool | int | float | decimal.Decimal | str | dt.date | dt.time | dt.timedelta | None
Value: TypeAlias = "Scalar | Sequence[Value] | Mapping[str, Value]"
Record: TypeAlias = "str | Mapping[str, Value]"

MAX_TEXT_BYTES = 1_000_000
"""A longer text is refused: it would take minutes to embed and is nearly always a file read as one cell."""

MAX_DEPTH = 100
"""A record nested more deeply is refused: it is nearly always one that holds itself."""


@dataclass(frozen=True)
class Records:
    """Records of one kind, with the column names if they came from a table.

    Attributes
    ----------
    items
        All texts or all mappings.
    feature_names
        Column names when the input was a table whose columns have names, else None.
    width
        How many columns, when the input was a table or a 2-D array, else None.
    """

    items: list[Record]
    feature_names: tuple[str, ...] | None = None
    width: int | None = None

    def __len__(self) -> int:
        return len(self.items)

    @property
    def is_text(self) -> bool:
        """Whether each record is a text."""
        return bool(self.items) and isinstance(self.items[0], str)


def check_same_form(given: Records, *, is_text: bool) -> None:
    """Refuse texts where training had mappings, and the other way round.

    Raises
    ------
    DataError
        If the given records are of the other form than `is_text` says of the training records.
    """
    if len(given) and given.is_text != is_text:
        forms = {True: "texts", False: "mappings from names to values"}
        raise DataError(
            f"records that are {forms[given.is_text]}",
            expected=f"{forms[is_text]}, as in training",
            mend="bring the records to the form of the training records",
        )


def as_records(X: Any) -> Records:
    """Bring texts, mappings, a table or a 2-D array to records.

    Parameters
    ----------
    X
        A sequence of str, a sequence of mappings, a pandas or polars DataFrame, a pandas or polars Series
        of texts, an Arrow table or array of texts, a structured array, or an array or a list of rows of shape
        (n, columns), which may be namedtuples. Columns without names get the names x0, x1, ...

    Returns
    -------
    Records
        In the order of `X`; n of them. Missing values (None, NaN, NaT, NA) become None, in mappings as in tables.

    Raises
    ------
    DataError
        If `X` is of another type, mixes texts with mappings, has duplicate column names, rows of different
        lengths, or times finer than a microsecond, which Python's own dates cannot hold.

    Examples
    --------
    >>> as_records([{"lr": 0.1}, {"lr": 0.2}]).items
    [{'lr': 0.1}, {'lr': 0.2}]
    >>> as_records(np.array([[1.5, 2.0]])).items
    [{'x0': 1.5, 'x1': 2.0}]
    """
    if isinstance(X, Records):
        return X
    if hasattr(X, "collect"):  # a lazy frame, whose rows are not there yet
        raise _wrong_type(X)
    if isinstance(X, np.ndarray) or hasattr(X, "toarray"):
        return _from_array(X)
    if hasattr(X, "columns") or hasattr(X, "column_names"):
        return _from_table(X)
    if isinstance(X, (list, tuple)) and X and isinstance(X[0], (list, tuple, np.ndarray)):
        return _from_rows(X)
    if hasattr(X, "__array__") and (getattr(X, "ndim", 1) == 2 or not hasattr(X, "__iter__")):
        return _from_array(np.asarray(X))
    if isinstance(X, (str, bytes, Mapping, Set)) or not hasattr(X, "__iter__"):
        raise _wrong_type(X)
    # iterating over an Arrow array would give Arrow's own scalars
    items = X.to_pylist() if hasattr(X, "to_pylist") else X
    return Records(_checked([native(item) for item in items]))


def native(value: Any) -> Any:
    """Turn numpy's and pandas' scalars and arrays into plain Python values, throughout a nested value.

    NaN, NaT and NA become None.

    Raises
    ------
    DataError
        If lists or mappings are nested too deeply, or a time is finer than a microsecond.

    Examples
    --------
    >>> native({"a": np.float32(0.1), "b": np.arange(2)})
    {'a': 0.1, 'b': [0, 1]}
    """
    return _native(value, 0)


def _native(value: Any, depth: int) -> Any:
    if type(value) in _PLAIN:
        return _missing_to_none(value) if type(value) is float else value
    if depth > MAX_DEPTH:
        raise DataError(
            f"a record with more than {MAX_DEPTH} levels of nesting",
            expected="records whose lists and mappings come to an end",
            mend="check that no list or mapping holds itself, or flatten the records",
        )
    if isinstance(value, Mapping):
        return {key: _native(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim):
        return [_native(item, depth + 1) for item in value]
    value = value[()] if isinstance(value, np.ndarray) else value  # an array of no dimensions is a scalar
    plain = _native_scalar(value) if isinstance(value, np.generic) else _without_pandas(value)
    return _missing_to_none(plain)


def _native_scalar(value: np.generic) -> Any:
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return _native_time(value)
    # str() is the shortest text that names it in its own precision: float32(0.1) is 0.1, not 0.10000000149
    if isinstance(value, (np.float32, np.float16)):
        return float(str(value))
    plain = value.item()
    return decimal.Decimal(str(value)) if isinstance(plain, np.longdouble) else plain


def _native_time(value: np.datetime64 | np.timedelta64) -> dt.datetime | dt.timedelta | None:
    if np.isnat(value):
        return None
    if value.dtype.kind == "m" and np.datetime_data(value.dtype)[0] in {"Y", "M"}:
        raise _inexact_time(f"the duration {value}, whose length varies")
    rounded = value.astype(f"{value.dtype.kind}8[us]")
    plain = rounded.item()
    if rounded.astype(value.dtype) != value or not isinstance(plain, (dt.datetime, dt.timedelta)):
        raise _inexact_time(f"the time {value}")
    return plain


def _without_pandas(value: Any) -> Any:
    """Turn pandas' scalars, told by their looks so that pandas need not be there, into Python's."""
    if type(value).__name__ in {"NAType", "NaTType"}:
        return None
    if not isinstance(value, (dt.datetime, dt.timedelta)):
        return value
    if getattr(value, "nanosecond", 0) or getattr(value, "nanoseconds", 0):
        raise _inexact_time(f"the time {value}")
    if hasattr(value, "to_pydatetime"):
        return value.to_pydatetime()
    return value.to_pytimedelta() if hasattr(value, "to_pytimedelta") else value


def _inexact_time(what: str) -> DataError:
    return DataError(
        what,
        expected="times between the years 1 and 9999, in whole microseconds",
        mend="round them, with .dt.round('us') in pandas and polars, or give them as numbers",
    )


def _checked(items: list[Any]) -> list[Record]:
    """Refuse a list that is neither all texts nor all mappings, naming the first that differs."""
    if not items:
        return []
    kind, name = (str, "text") if isinstance(items[0], str) else (Mapping, "mapping")
    for row, item in enumerate(items):
        if not isinstance(item, kind):
            raise DataError(
                f"{_in_words(item)} as record {row}" + (f" after {name}s" if row else ""),
                expected="all records to be texts, or all to be mappings from names to values",
                mend="give a list of str or a list of dict; drop missing records, or write 'unknown'",
            )
    return items


def _in_words(item: object) -> str:
    return "a missing value" if _missing_to_none(item) is None else f"a value of type {type(item).__name__}"


def _wrong_type(X: object) -> DataError:
    return DataError(
        f"{type(X).__name__} as records",
        expected="a list of str, a list of dict, a DataFrame, an Arrow table or a 2-D array",
        mend="wrap a single record in a list: [record], and a mapping of columns in pandas.DataFrame; make a list of a set, "
        "a table of an Arrow batch, and collect() a lazy frame",
    )


def _from_array(X: Any) -> Records:
    if hasattr(X, "toarray"):
        raise DataError(
            f"a sparse matrix of shape {X.shape}",
            expected="a dense 2-D array; sparse data is not supported, as every value is written out",
            mend="call .toarray() first",
        )
    if np.ma.isMaskedArray(X):
        raise DataError(
            "a masked array", expected="an array with NaN where values are missing", mend="X.filled(np.nan)"
        )
    array = np.asarray(X)
    if array.ndim == 1 and array.dtype.names:
        return _with_names(array.dtype.names, [native(array[name]) for name in array.dtype.names])
    if array.ndim == 1 and array.dtype.kind in "OUTS":
        return Records(_checked([native(item) for item in array]))
    if array.ndim != 2:
        raise DataError(
            f"an array of shape {array.shape}. Reshape your data",
            expected="a 2-D array, one row a record, or a 1-D array of texts",
            mend="array.reshape(-1, 1) if it is one feature, array.reshape(1, -1) if it is one record",
        )
    if array.shape[1] == 0:
        raise DataError(  # the words are those that scikit-learn's own checks look for
            f"an array with 0 feature(s) (shape={array.shape}) while a minimum of 1 is required.",
            expected="at least one column",
            mend="give an array with columns",
        )
    if array.dtype.kind == "c":
        raise DataError(
            "an array of complex numbers. Complex data not supported",
            expected="real numbers, texts or objects",
            mend="give real and imaginary parts as two columns",
        )
    plain = array.dtype == np.float64 or array.dtype.kind in "biuU"
    return _with_numbered_names(array.tolist() if plain else native(array), array.shape[1])


def _from_rows(rows: Sequence[Any]) -> Records:
    width = len(rows[0])
    names = getattr(rows[0], "_fields", None)  # of a namedtuple
    for row, cells in enumerate(rows):
        is_row = isinstance(cells, (list, tuple, np.ndarray))
        if not is_row or len(cells) != width:
            raise DataError(
                f"row {row} of length {len(cells)}" if is_row else f"a {type(cells).__name__} as row {row}",
                expected=f"a list of length {width}, as row 0 is",
                mend="make the rows equally long, or give dicts, whose keys may differ",
            )
        if getattr(cells, "_fields", None) != names:
            raise DataError(
                f"a row {row} of other names than row 0, or without any",
                expected="namedtuples of one kind, or rows without names",
                mend="give dicts, whose keys may differ",
            )
    if names is not None:
        return _with_names(names, native([*zip(*rows, strict=True)]))
    return _with_numbered_names(native(rows), width)


def _with_numbered_names(rows: list[list[Any]], width: int) -> Records:
    names = [f"x{i}" for i in range(width)]
    return Records([dict(zip(names, map(_missing_to_none, row), strict=True)) for row in rows], width=width)


def _with_names(names: Sequence[str], columns: list[list[Any]]) -> Records:
    """Return records of columns that have names, which are str, each once."""
    rows = (dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=True))
    return Records(list(rows), tuple(names), len(names))


def _from_table(table: Any) -> Records:
    import narwhals as nw

    names = [str(c) for c in (table.column_names if hasattr(table, "column_names") else table.columns)]
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise DataError(
            f"duplicate column names {repeated}",
            expected="every name once",
            mend="rename the repeated columns",
        )
    if hasattr(table, "set_axis"):
        table = table.set_axis(names, axis="columns")  # pandas allows names that are no str
    try:
        frame = nw.from_native(table, eager_only=True)
    except TypeError as error:
        raise _wrong_type(table) from error
    if not names:
        return Records([{} for _ in range(frame.shape[0])], (), 0)
    return _with_names(names, [_plain_column(frame[name]) for name in names])


def _plain_column(column: nw.Series[Any]) -> list[Any]:
    """Return a column's cells as plain values, exactly."""
    import narwhals as nw

    if isinstance(column.dtype, (nw.Datetime, nw.Duration)) and column.dtype.time_unit == "ns":
        times = column.drop_nulls().dt
        parts = times.nanosecond() if isinstance(column.dtype, nw.Datetime) else times.total_nanoseconds()
        if (parts.to_numpy() % 1000 != 0).any():  # pandas' columns of Arrow's integers have no %
            raise _inexact_time(f"times finer than a microsecond in column {column.name!r}")
    cells = column.to_list()
    if column.dtype == nw.Float32:  # so that 0.1 stays 0.1 and does not become 0.10000000149
        cells = [np.float32(cell) if isinstance(cell, float) else cell for cell in cells]
    return [native(cell) for cell in cells]


def _missing_to_none(cell: Any) -> Any:
    """Map NaN, which tables use for what is missing, to None."""
    if isinstance(cell, float) and math.isnan(cell):
        return None
    return None if isinstance(cell, decimal.Decimal) and cell.is_nan() else cell
