"""JSON Lines: one object a line, whose names may differ from row to row."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Final

from embedreg.core.errors import DataError
from embedreg.tasks.formats._cells import json_fallback, nan_to_none
from embedreg.tasks.formats._format import Cells, Row
from embedreg.tasks.formats._text_file import open_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from embedreg.core.records import Value
    from embedreg.tasks.formats._source import Source


@dataclass(frozen=True)
class JsonLines:
    """One JSON object a line. Blank lines do not count."""

    name: ClassVar[str] = "JSON Lines"
    is_text: ClassVar[bool] = True

    def columns(self, path: Path) -> None:
        """Return None: each row has its own names."""

    def rows(self, path: Path) -> Iterator[Row]:
        """Yield every row."""
        number = 0
        with open_text(path) as file:
            for line, text in enumerate(file, 1):
                if not text.isspace():
                    number += 1
                    yield Row(number, line, _parse(text, path, line))

    def value(self, cell: Any) -> Value:
        """Return the cell; NaN is missing."""
        return nan_to_none(cell)

    def schema(self, path: Path) -> None:
        """Return None: the file states no types."""

    def doubt(self, names: Collection[str], path: Path) -> None:
        """Return None: each name stands beside its value."""

    @contextlib.contextmanager
    def writer(
        self, file: BinaryIO, like: Source, added: Mapping[str, pa.DataType]
    ) -> Iterator[_JsonLinesWriter]:
        """Open a writer. A row has the names that it came with."""
        yield _JsonLinesWriter(file, like, frozenset(added))


class _JsonLinesWriter:
    def __init__(self, file: BinaryIO, like: Source, added: frozenset[str]) -> None:
        self._file = file
        self._like = like
        self._added = added
        # of a table, whose nameless index is no column; rows of text formats have their own
        self._names = None if like.format.is_text else added.union(like.names)

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        for row in rows:
            values = {
                k: cell if k in self._added else self._like.value(cell)
                for k, cell in row.items()
                if self._names is None or k in self._names
            }
            self._file.write(json.dumps(values, ensure_ascii=False, default=json_fallback).encode() + b"\n")


class _RepeatedNameError(ValueError):
    """A JSON object has a name twice; Python's own reader would keep the last."""


def _unique(pairs: list[tuple[str, Any]]) -> Cells:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _RepeatedNameError(f"the name {next(n for n in names if names.count(n) > 1)!r} more than once")
    return found


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_unique)


def _parse(text: str, path: Path, line: int) -> Cells:
    try:
        found = _DECODER.decode(text)
        if "\\u" in text:
            json.dumps(found, ensure_ascii=False).encode()  # fails on half of a surrogate pair: no text
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"line {line} of {path}, which cannot be read as JSON ({_reason(error)})",
            expected="one JSON object on each line, with each name once",
            mend="correct that line; if it is the last, the file may be cut off",
        ) from error
    if not isinstance(found, dict):
        raise DataError(
            f"JSON that is no object on line {line} of {path}",
            expected='an object on each line, such as {"text": "...", "y": 1.5}',
            mend="give each value a name; jq -c '.[]' makes lines of an array",
        )
    return found


def _reason(error: Exception) -> str:
    return (
        f"{error.msg} at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else str(error)
    )
