"""What a run has found, as one small file beside the other results."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.quality._grid import family_of
from embedreg.core.files import whole_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.quality._grid import Cell
    from embedreg.study.grid import StudyStore

Row = dict[str, Any]
_METADATA = b"embedreg.quality"
_LEFT_OUT = ("chosen", "versions")
_ROUNDED = 6  # decimals


@dataclass(frozen=True)
class Results:
    """What was to be run, and what has been.

    Attributes
    ----------
    rows
        One a finished cell: task, family, seed, method, scores and seconds.
    failures
        task, family, seed, method and error of each cell that failed when last tried.
    cells
        How many the whole grid has.
    tasks
        Of each family in the whole grid: how many.
    seeds, sampled
        Of the whole grid, and the rows sampled of each task.
    versions
        Of each package, those that the rows were made with.
    settings
        Of each method, the digest of the settings that its rows were made with.
    date, machine
        When they were collected, and what they were made on, in words.
    """

    rows: list[Row]
    failures: list[Row] = field(default_factory=list)
    cells: int = 0
    tasks: dict[str, int] = field(default_factory=dict)
    seeds: list[int] = field(default_factory=list)
    sampled: int = 0
    versions: dict[str, list[str]] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    date: str = ""
    machine: str = ""


def collect(cells: Sequence[Cell], store: StudyStore, sampled: int, machine: str = "") -> Results:
    """Return what the store has of some cells."""
    keys = {cell.key(): cell for cell in cells}
    kept = list(store.get("cells", keys).values())
    versions: dict[str, set[str]] = {}
    for row in kept:
        for package, numbers in row["versions"].items():
            versions.setdefault(package, set()).update([numbers] if isinstance(numbers, str) else numbers)
    return Results(
        rows=[{name: _short(value) for name, value in row.items() if name not in _LEFT_OUT} for row in kept],
        failures=list(store.get("failures", keys).values()),
        cells=len(keys),
        tasks=_counted(cells),
        seeds=sorted({cell.seed for cell in cells}),
        sampled=sampled,
        versions={package: sorted(numbers) for package, numbers in sorted(versions.items())},
        settings={cell.method.name: cell.method.digest() for cell in cells},
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        machine=machine,
    )


def take_over(results: Results, cells: Sequence[Cell], store: StudyStore) -> int:
    """Put rows that `write` wrote into a store, so that a run goes on from them; return how many there were.

    Rows of settings that have changed since are left out: they would be run anew. A file has the versions of its rows
    together, and so has each row afterwards.
    """
    known = {cell.name: cell for cell in cells}
    rows = {}
    for row in results.rows:
        cell = known.get((row["task"], row["seed"], row["method"]))
        if cell is not None and cell.method.digest() == results.settings.get(cell.method.name):
            rows[cell.key()] = row | {"versions": results.versions}
    store.add("cells", rows)
    return len(rows)


def _counted(cells: Sequence[Cell]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for task in dict.fromkeys(cell.task.name for cell in cells):
        counts[family_of(task)] = counts.get(family_of(task), 0) + 1
    return counts


def _short(value: Any) -> Any:
    return round(value, _ROUNDED) if isinstance(value, float) and abs(value) < 1e6 else value


def write(results: Results, path: Path) -> None:
    """Write Parquet: a row a cell, and the rest as JSON in its metadata."""
    about = {name: value for name, value in vars(results).items() if name != "rows"}
    names = dict.fromkeys(name for row in results.rows for name in row)
    columns = {name: pa.array([row.get(name) for row in results.rows]) for name in names}
    table = pa.table(columns).replace_schema_metadata({_METADATA: json.dumps(about).encode()})
    with whole_file(path) as place:
        pq.write_table(table, place, compression="zstd", compression_level=19)


def read(path: Path) -> Results:
    """Return what `write` wrote; a cell's row has the columns that it had."""
    table = pq.read_table(path)
    about = json.loads(table.schema.metadata[_METADATA])
    rows = [{name: value for name, value in row.items() if value is not None} for row in table.to_pylist()]
    return Results(rows=rows, **about)
