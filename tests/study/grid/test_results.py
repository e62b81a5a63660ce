"""Results as one file."""

from __future__ import annotations

import math
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embedreg.core.errors import DataError
from embedreg.study.grid import (
    StudyResults,
    StudyStore,
    collect_results,
    keep_results,
    plan_study,
    read_results,
    run_study,
    study_table,
    write_results,
)


def test_a_file_holds_what_the_store_holds(spec, store, tmp_path) -> None:
    run_study(spec, store)
    results = collect_results(spec, store, "two cores")
    assert (results.cells, len(results.rows), results.machine) == (27, 27, "two cores")
    assert len(results.smoothness) == 11
    assert len(results.profiles) == 2
    assert read_results(write_results(results, tmp_path / "x.parquet")) == results


def test_cells_taken_from_a_file_are_not_computed_again(spec, store, toys, tmp_path) -> None:
    plan = run_study(spec, store)
    path = write_results(collect_results(spec, store), tmp_path / "x.parquet")
    loads = [list(task.loads) for task in toys]
    other = StudyStore(tmp_path / "other")
    keep_results(read_results(path), other)
    assert plan_study(spec, other).left() == []
    run_study(spec, other)
    assert [task.loads for task in toys] == loads
    assert collect_results(spec, other) == collect_results(spec, store)
    for table in ("cells", "smoothness", "profiles"):
        keys = plan.keys if table == "cells" else [row["key"] for row in getattr(read_results(path), table)]
        assert other.get(table, keys) == store.get(table, keys)


def test_rows_that_are_there_already_stay(spec, store) -> None:
    run_study(spec, store)
    results = collect_results(spec, store)
    keep_results(replace(results, rows=[row | {"kendall_tau": 9.0} for row in results.rows]), store)
    assert collect_results(spec, store).rows == results.rows


def test_a_file_without_keys_is_refused_whole(spec, store, tmp_path) -> None:
    run_study(spec, store)
    results = collect_results(spec, store)
    early = replace(
        results, smoothness=[{k: v for k, v in row.items() if k != "key"} for row in results.smoothness]
    )
    other = StudyStore(tmp_path / "other")
    with pytest.raises(DataError, match="export it again"):
        keep_results(early, other)
    assert not other.path.exists()


def test_values_come_back_with_their_types(tmp_path) -> None:
    rows = [
        {"task": "a", "tau": 0.1 + 0.2, "n": 3, "chosen": {"penalty": 1.0}, "mixed": 1, "none": None},
        {"task": "b", "tau": -0.0, "n": 4, "chosen": {}, "mixed": 1.5, "none": None},
    ]
    results = StudyResults("s", "", "m", 9, 1, rows, profiles=[{"task": "a", "radii": [1.0, 2.0]}])
    found = read_results(write_results(results, tmp_path / "x.parquet"))
    assert repr(found) == repr(results)
    endless = replace(results, rows=[rows[0] | {"tau": math.nan}])
    assert math.isnan(read_results(write_results(endless, tmp_path / "x.parquet")).rows[0]["tau"])


def test_nothing_finished_is_a_file_too(spec, store, tmp_path) -> None:
    results = collect_results(spec, store)
    assert read_results(write_results(results, tmp_path / "x.parquet")) == results


def test_another_file_is_refused(tmp_path) -> None:
    path = tmp_path / "x.parquet"
    with pytest.raises(DataError, match="study export"):
        read_results(path)
    path.write_text("no Parquet")
    with pytest.raises(DataError, match="study export"):
        read_results(path)
    pq.write_table(pa.table({"part": ["rows"]}), path)
    with pytest.raises(DataError, match="holds no study's results.*study export"):
        read_results(path)
    newer = pa.table({"part": ["rows"]}).replace_schema_metadata({"embedreg.study": '{"schema": 99}'})
    pq.write_table(newer, path)
    with pytest.raises(DataError, match="upgrade embedreg"):
        read_results(path)


def test_a_table_says_which_tasks_had_fewer_rows_than_were_asked_for(spec, store) -> None:
    run_study(spec, store)
    rows = collect_results(spec, store).rows
    assert "fewer rows" not in study_table(rows)
    task = rows[0]["task"]
    asked = [row | {"rows": 10 * row["rows"]} if row["task"] == task else row for row in rows]
    most = max(row["n_train"] for row in rows if row["task"] == task)
    assert study_table(asked).endswith(f"gave all they have: {task} ({most} to train on)")
