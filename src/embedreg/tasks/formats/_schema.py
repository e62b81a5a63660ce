"""Column types for files that state none, found in one pass in bounded memory."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from embedreg.core.records import Value
    from embedreg.tasks.formats._format import Row

_ROWS_AT_ONCE: Final = 1000
_EXACT: Final = 2**53  # the largest integer up to which float64 holds all
_NO_ONE_TYPE: Final = (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError)


def inferred_schema(rows: Iterator[Row], names: Sequence[str], value: Callable[[Any], Value]) -> pa.Schema:
    """Return the narrowest type for each column that holds all its values.

    Integers among fractions are float64, unless one is too large for that. A column is text if its
    values have no one type, or it has none.
    """
    types = dict.fromkeys(names, pa.null())
    largest = dict.fromkeys(names, 0)
    while chunk := list(itertools.islice(rows, _ROWS_AT_ONCE)):
        for name in names:
            if pa.types.is_string(types[name]):
                continue
            values = [value(row.cells.get(name)) for row in chunk]
            types[name] = _common_type(types[name], values)
            largest[name] = max(largest[name], *(abs(v) for v in values if isinstance(v, int)), 0)
            if pa.types.is_floating(types[name]) and largest[name] > _EXACT:
                types[name] = pa.string()
    kinds = {name: pa.string() if pa.types.is_null(kind) else kind for name, kind in types.items()}
    return pa.schema(list(kinds.items()))


def _common_type(kind: pa.DataType, values: list[Value]) -> pa.DataType:
    try:
        found = pa.array(values).type
        schemas = [pa.schema([("", kind)]), pa.schema([("", found)])]
        return pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    except _NO_ONE_TYPE:
        return pa.string()
