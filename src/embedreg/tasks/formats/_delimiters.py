"""Files whose cells are separated by another character than their names say."""

from __future__ import annotations

import contextlib
import csv
from typing import TYPE_CHECKING, Final

from embedreg.core.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

_DELIMITERS: Final = (",", ";", "\t", "|")
_SUFFIXES: Final = {",": ".csv", "\t": ".tsv"}
_WORDS: Final = {",": "comma-separated", "\t": "tab-separated"}


def other_delimiter(header: str, delimiter: str, path: Path) -> DataError | None:
    """Return the error for a header that another delimiter than the file's own separates, or None if none does.

    Examples
    --------
    >>> from pathlib import Path
    >>> print(other_delimiter("rate;depth;y", ",", Path("runs.csv")).got)
    a header that looks separated by ';' in runs.csv
    """
    cells = {other: _cells(header, other) for other in _DELIMITERS if other != delimiter}
    found = max(cells, key=lambda other: cells[other])
    if cells[found] < 2:
        return None
    rename = f", or name it {_SUFFIXES[found]}" if found in _SUFFIXES else ""
    return DataError(
        f"a header that looks separated by {found!r} in {path}",
        expected=f"names separated by {delimiter!r}",
        mend=f"save it {_WORDS[delimiter]}{rename}",
    )


def _cells(header: str, delimiter: str) -> int:
    with contextlib.suppress(csv.Error):
        return len(next(csv.reader([header], delimiter=delimiter, strict=True), []))
    return 0
