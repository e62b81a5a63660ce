"""Records as a pandas table, for peers that take one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from embedreg.core.records import Record

TEXT = "text"


def frame(records: Sequence[Record], columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Return a column a field, those of `columns` if given; a text is one column, what is nested is written as JSON."""
    import pandas as pd  # noqa: PLC0415 (in the extra `benchmarks`)

    rows = [{TEXT: record} if isinstance(record, str) else _plain(record) for record in records]
    table = pd.DataFrame(rows)
    return table if columns is None else table.reindex(columns=list(columns))


def _plain(record: Any) -> dict[str, Any]:
    return {
        name: json.dumps(value) if isinstance(value, dict | list | tuple) else value
        for name, value in record.items()
    }
