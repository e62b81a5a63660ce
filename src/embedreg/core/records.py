"""Records: what a prediction is made from, in one form whatever the user holds it in.

A record is a text or a mapping from names to values. `as_records` brings every accepted input to a list of one of the two.
"""

from __future__ import annotations

import datetime as dt
import decimal
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from embedreg.core.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable

Scalar: TypeAlias = None | bool | int | float | decimal.Decimal | str | dt.date | dt.time | dt.timedelta
Value: TypeAlias = "Scalar | Sequence[Value] | Mapping[str, Value]"
Record: TypeAlias = "str | Mapping[str, Value]"

MAX_TEXT_BYTES = 1_000_000
"""A longer text is refused: it would take minutes to embed and is nearly always a file read as one cell."""


@dataclass(frozen=True)
class Records:
    """Records of one kind, with the column names if they came from a table.

    Attributes
    ----------
    items
        All texts or all mappings.
    feature_names
        Column names when the input was a table whose columns have names, else None.
    """

    items: list[Record]
    feature_names: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.items)

    @property
    def is_text(self) -> bool:
        """Whether each record is a text."""
        return bool(self.items) and isinstance(self.items[0], str)


def as_records(X: Any) -> Records:
    """Bring texts, mappings, a table or a 2-D array to records.

    Parameters
    ----------
    X
        A sequence of str, a sequence of mappings, a pandas or polars DataFrame, a pandas or polars Series of texts, an
        Arrow table, or an array of shape (n, columns). Columns of an array are named x0, x1, ...

    Returns
    -------
    Records
        In the order of `X`; n of them. A table's missing cells (None, NaN, NaT, NA) become None.

    Raises
    ------
    DataError
        If `X` is of another type, mixes texts with mappings, or has duplicate column names.

    Examples
    --------
    >>> as_records([{"lr": 0.1}, {"lr": 0.2}]).items
    [{'lr': 0.1}, {'lr': 0.2}]
    >>> as_records(np.array([[1.5, 2.0]])).items
    [{'x0': 1.5, 'x1': 2.0}]
    """
    if isinstance(X, Records):
        return X
    if isinstance(X, np.ndarray) or hasattr(X, "toarray") or _is_list_of_rows(X):
        return _from_array(X)
    if hasattr(X, "columns") or hasattr(X, "column_names"):
        return _from_table(X)
    if isinstance(X, (str, bytes, Mapping)) or not hasattr(X, "__iter__"):
        raise _wrong_type(X)
    return Records(_checked([native(item) for item in X]))


def native(value: Any) -> Any:
    """Turn numpy scalars and arrays into plain Python values, throughout a nested value.

    Examples
    --------
    >>> native({"a": np.float32(0.5), "b": np.arange(2)})
    {'a': 0.5, 'b': [0, 1]}
    """
    if isinstance(value, (str, int, float, bool, type(None))) and not isinstance(value, np.generic):
        return value
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else value.astype("datetime64[us]").item()
    if isinstance(value, np.generic):
        # str() is the shortest text that names the number in its own precision: float32(0.1) is 0.1, not 0.10000000149
        return float(str(value)) if isinstance(value, (np.float32, np.float16)) else value.item()
    if isinstance(value, np.ndarray):
        return [native(item) for item in value]
    if isinstance(value, Mapping):
        return {key: native(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [native(item) for item in value]
    return value


def _checked(items: list[Any]) -> list[Record]:
    """Refuse a list that is neither all texts nor all mappings, naming the first that differs."""
    if not items:
        return []
    kind, name = (str, "text") if isinstance(items[0], str) else (Mapping, "mapping")
    for row, item in enumerate(items):
        if not isinstance(item, kind):
            raise DataError(
                f"a {type(item).__name__} as record {row}" + (f" after {name}s" if row else ""),
                expected="all records to be texts, or all to be mappings from names to values",
                mend="give a list of str or a list of dict; a missing text can be written as an empty mapping value",
            )
    return items


def _wrong_type(X: object) -> DataError:
    return DataError(
        f"{type(X).__name__} as records",
        expected="a list of str, a list of dict, a DataFrame, an Arrow table or a 2-D array",
        mend="wrap a single record in a list: [record]",
    )


def _is_list_of_rows(X: object) -> bool:
    """Whether X is a non-empty list of numeric rows, which scikit-learn treats as a 2-D array."""
    return isinstance(X, (list, tuple)) and bool(X) and isinstance(X[0], (list, tuple, np.ndarray))


def _from_array(X: Any) -> Records:
    if hasattr(X, "toarray"):
        raise DataError(
            f"a sparse matrix of shape {X.shape}",
            expected="a dense 2-D array; sparse data is not supported, as every value is written out",
            mend="call .toarray() first",
        )
    array = np.asarray(X)
    if array.ndim == 1 and array.dtype.kind in "OUT":
        return Records(_checked([native(item) for item in array]))
    if array.ndim != 2:
        raise DataError(
            f"an array of shape {array.shape}. Reshape your data",
            expected="a 2-D array, one row a record, or a 1-D array of texts",
            mend="array.reshape(-1, 1) if it is one feature, array.reshape(1, -1) if it is one record",
        )
    if array.dtype.kind == "c":
        raise DataError(
            "an array of complex numbers. Complex data not supported",
            expected="real numbers, texts or objects",
            mend="give real and imaginary parts as two columns",
        )
    names = [f"x{i}" for i in range(array.shape[1])]
    return Records([dict(zip(names, map(_missing_to_none, map(native, row)), strict=True)) for row in array])


def _from_table(table: Any) -> Records:
    import narwhals as nw  # noqa: PLC0415 (only tables need it)

    names = [str(c) for c in (table.column_names if hasattr(table, "column_names") else table.columns)]
    repeated = sorted({c for c in names if names.count(c) > 1})
    if repeated:
        raise DataError(
            f"duplicate column names {repeated}", expected="every name once", mend="rename the repeated columns"
        )
    if hasattr(table, "set_axis"):
        table = table.set_axis(names, axis="columns")  # pandas allows names that are no str
    frame = nw.from_native(table, eager_only=True)
    columns = [_plain_column(frame[name].to_list()) for name in names]
    rows = (dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=True))
    return Records(list(rows), tuple(names))


def _plain_column(cells: Iterable[Any]) -> list[Any]:
    return [_missing_to_none(native(cell)) for cell in cells]


def _missing_to_none(cell: Any) -> Any:
    """Map NaN, NaT and NA, which a table uses for 'missing', to None."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return None
    if type(cell).__name__ in {"NAType", "NaTType"}:
        return None
    return cell.to_pydatetime() if hasattr(cell, "to_pydatetime") else cell
