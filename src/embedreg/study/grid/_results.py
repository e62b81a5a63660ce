"""All that a study has found so far, as one value and as one small file from which tables and pages can be made."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

import embedreg
from embedreg.core.errors import DataError
from embedreg.core.files import whole_file
from embedreg.study.grid._plan import plan_study
from embedreg.study.grid._profiles import profile_rows
from embedreg.study.grid._rows import KEY, finished_rows, smoothness_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from embedreg.study.grid._rows import Row
    from embedreg.study.grid._spec import StudySpec
    from embedreg.study.grid._store import StudyStore

_SCHEMA: Final = 1
_METADATA: Final = b"embedreg.study"
_PART: Final = "part"
_PARTS: Final = {"rows": "cells", "smoothness": "smoothness", "profiles": "profiles"}
"""Parts of the results, and the table of the store that each one comes from."""
_COMPRESSION_LEVEL: Final = 19
_NATIVE: Final[dict[type, pa.DataType]] = {
    int: pa.int64(),
    float: pa.float64(),
    str: pa.dictionary(pa.int32(), pa.string()),
}


@dataclass(frozen=True)
class StudyResults:
    """What a study was to run and what it has found.

    Attributes
    ----------
    name, description, subject
        Of the study.
    cells, failed
        How many cells it has, and how many failed when last tried.
    rows, smoothness, profiles
        As `finished_rows`, `smoothness_rows` and `profile_rows` give them.
    version, date, machine
        Of the embedreg that collected them, when (day, UTC), and the machine that they were computed on, in words;
        the last is empty where nobody said.
    """

    name: str
    description: str
    subject: str
    cells: int
    failed: int
    rows: list[Row]
    smoothness: list[Row] = field(default_factory=list)
    profiles: list[Row] = field(default_factory=list)
    version: str = ""
    date: str = ""
    machine: str = ""


def collect_results(spec: StudySpec, store: StudyStore, machine: str = "") -> StudyResults:
    """Return what the store has of a study, under the names that the study gives to things.

    Raises
    ------
    UsageError
        If a task, model or setting is unknown.
    """
    plan = plan_study(spec, store)
    return StudyResults(
        name=spec.name,
        description=spec.description,
        subject=spec.subject,
        cells=len(plan.keys),
        failed=len(plan.failed),
        rows=finished_rows(plan, store),
        smoothness=smoothness_rows(plan, store),
        profiles=profile_rows(spec, store),
        version=embedreg.__version__,
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        machine=machine,
    )


def write_results(results: StudyResults, path: Path) -> Path:
    """Write results as one Parquet file (zstd), without loss; `read_results` reads it back.

    Its column `part` says what a line is: one of `rows` (cells), `smoothness`, `profiles`. A field that is no single
    number or text is JSON.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    parts: dict[str, list[Row]] = {part: getattr(results, part) for part in _PARTS}
    names = {part: list(dict.fromkeys(key for row in rows for key in row)) for part, rows in parts.items()}
    lines = [{_PART: part} | row for part, rows in parts.items() for row in rows]
    columns = {name: _column([line.get(name) for line in lines]) for name in _all_names(names)}
    facts = {f.name: getattr(results, f.name) for f in fields(results) if f.name not in _PARTS}
    as_json = [name for name, column in columns.items() if column.type == pa.string()]
    metadata = {"schema": _SCHEMA, "columns": names, "json": as_json, "study": facts}
    table = pa.table(columns).replace_schema_metadata({_METADATA: json.dumps(metadata)})
    with whole_file(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", compression_level=_COMPRESSION_LEVEL)
    return path


def read_results(path: Path) -> StudyResults:
    """Return the results that `write_results` wrote.

    Raises
    ------
    DataError
        If the file is missing, damaged, of another kind, or written by a newer embedreg.
    """
    try:
        table = pq.read_table(path)
        metadata = json.loads(table.schema.metadata[_METADATA])
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        is_other = isinstance(error, (KeyError, TypeError))  # it has no metadata, or none of ours
        reason = "it holds no study's results" if is_other else str(error).partition("\n")[0]
        raise DataError(
            f"{path}, which cannot be read: {reason}",
            expected="a file written by `embedreg study export`",
            mend="check the path, or export it again",
        ) from error
    if metadata["schema"] > _SCHEMA:
        raise DataError(
            f"{path} of schema {metadata['schema']}",
            expected=f"schema {_SCHEMA} at most",
            mend="upgrade embedreg",
        )
    decoded = set(metadata["json"])
    parts: dict[str, list[Row]] = {part: [] for part in _PARTS}
    for line in table.to_pylist():
        names = metadata["columns"][line[_PART]]
        row = {name: _value(line[name], is_json=name in decoded) for name in names}
        parts[line[_PART]].append(row)
    return StudyResults(
        **metadata["study"],
        rows=parts["rows"],
        smoothness=parts["smoothness"],
        profiles=parts["profiles"],
    )


def keep_results(results: StudyResults, store: StudyStore) -> None:
    """Put rows that `collect_results` took from one store into another, under the same keys.

    A run on that store does not compute them again, as long as everything that decides their numbers is what it was.
    Rows that are there already stay.

    Raises
    ------
    DataError
        If rows have no keys, as in files of early versions.
    OutputError
        If the store cannot be written to.
    """
    parts: dict[str, list[Row]] = {table: getattr(results, part) for part, table in _PARTS.items()}
    if any(KEY not in row for rows in parts.values() for row in rows):
        raise DataError(
            f"results of {results.name!r} without the keys of their cells",
            expected="a file that `embedreg study export` wrote with them",
            mend="export it again from its store",
        )
    for table, rows in parts.items():
        store.add(table, {row[KEY]: {k: v for k, v in row.items() if k != KEY} for row in rows})


def _value(value: Any, *, is_json: bool) -> Any:
    return json.loads(value) if is_json and value is not None else value


def _all_names(names: dict[str, list[str]]) -> list[str]:
    return list(dict.fromkeys([_PART, *(name for part in names.values() for name in part)]))


def _column(values: Sequence[Any]) -> pa.Array:
    """Return a column of one type, or of JSON texts where there is none for all of its values."""
    types = {type(value) for value in values if value is not None}
    if len(types) == 1 and (kind := types.pop()) in _NATIVE:
        return pa.array(values, _NATIVE[kind])
    return pa.array([None if value is None else json.dumps(value) for value in values], pa.string())
