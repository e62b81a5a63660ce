from __future__ import annotations

import dataclasses
import gzip
import json
import shutil

import numpy as np
import pytest

from embedreg.core.errors import DataError, UsageError
from embedreg.core.files import sha256_of
from embedreg.study._splits import group_split
from embedreg.tasks import packaged_task, packaged_tasks, select_tasks
from embedreg.tasks._input_spec import InputSpec
from embedreg.tasks._real_tasks import _PACKAGED, RealTask, real_suites

TASKS = [task for suite in real_suites() for task in suite.tasks]
ABSENT = "automl/cash_allhypo"


@pytest.fixture(autouse=True)
def _no_data_directory(monkeypatch):
    monkeypatch.delenv("EMBEDREG_DATA", raising=False)


@pytest.mark.parametrize("task", [t for t in TASKS if t.is_here()], ids=lambda task: task.name)
def test_a_packaged_task_is_what_the_index_says(task):
    data = task.load()
    assert len(data.records) == len(data.y) == task.rows
    assert np.isfinite(data.y).all()
    assert len(np.unique(data.y)) > 1
    if task.kind == "text":
        assert all(isinstance(record, str) and record.strip() for record in data.records)
        assert task.dof == 1
    else:
        assert len({name for record in data.records for name in record}) == task.dof
        assert all("y" not in record for record in data.records)
        if task.kind == "table":
            assert len({tuple(record) for record in data.records}) == 1


def test_only_what_may_not_be_passed_on_is_absent():
    assert {t.licence for t in TASKS if not t.is_here()} == {
        "GPL-3.0",
        "MIT (the package); the data are scraped",
    }
    assert not [t.name for t in TASKS if t.is_here() and "GPL" in t.licence]


def test_every_packaged_file_is_in_the_index_and_none_is_stored_twice():
    files = [path for path in _PACKAGED.rglob("*") if path.suffix in {".gz", ".parquet"}]
    assert {str(path.relative_to(_PACKAGED)) for path in files} == {t.file for t in TASKS if t.is_here()}
    assert len({sha256_of(path) for path in files}) == len(files)
    assert sum(path.stat().st_size for path in files) < 5_000_000


def test_names_are_unique_and_none_looks_like_a_pattern():
    names = [task.name for task in TASKS]
    assert len(set(names)) == len(names) == 61
    assert not [name for name in names if set(name) & set("@*?[]")]


def test_the_notice_names_every_source():
    notice = (_PACKAGED / "NOTICE.md").read_text()
    assert [t.source for t in TASKS if t.is_here() and f"({t.source})" not in notice] == []
    assert all(t.licence in notice for t in TASKS if t.is_here())


def test_the_packaged_task_is_the_suites_task_of_the_same_file():
    (task,) = select_tasks(["xla/db_history11"])
    assert task.path() == packaged_task("mysql_knobs")
    assert task.sha256 == packaged_tasks()[0].sha256
    assert task.licence == packaged_tasks()[0].licence


def test_seed_and_rows_do_not_matter():
    (task,) = select_tasks(["molecules/freesolv"])
    one, other = task.load(), task.load(seed=5, rows=10)
    assert one.records == other.records
    assert np.array_equal(one.y, other.y)


def test_a_row_without_a_text_is_left_out():
    (task,) = select_tasks(["text/emobank_valence"])
    with gzip.open(task.path(), "rt") as file:
        rows = [json.loads(line) for line in file]
    kept = [row for row in rows if isinstance(row["x"], str)]
    data = task.load()
    assert len(kept) == len(rows) - 1
    assert data.records == [row["x"] for row in kept]
    assert data.y.tolist() == [row["y"] for row in kept]


def test_the_study_can_split_what_is_loaded():
    (task,) = select_tasks(["l2da/blackscholes_cycles"])
    data = task.load()
    split = group_split([str(record) for record in data.records], seed=0, max_rows=500)
    assert (len(split.train), len(split.validation), len(split.test)) == (400, 50, 50)


def test_identity_tells_files_apart_and_no_names():
    tasks = select_tasks(["xla"])
    assert len({str(task.identity()) for task in tasks}) == len(tasks)
    assert tasks[0].identity() == dataclasses.replace(tasks[0], name="other").identity()
    assert json.loads(json.dumps(tasks[0].identity())) == tasks[0].identity()


def test_an_absent_file_is_described_before_the_variable_is_set():
    (task,) = select_tasks([ABSENT])
    with pytest.raises(UsageError, match="no EMBEDREG_DATA for task") as caught:
        task.load()
    message = str(caught.value)
    assert all(
        part in message for part in ("automl/cash_allhypo.jsonl.gz", task.sha256, "EpistasisLab", "GPL-3.0")
    )


def test_an_absent_file_is_described_when_the_directory_lacks_it(monkeypatch, tmp_path):
    monkeypatch.setenv("EMBEDREG_DATA", str(tmp_path))
    (task,) = select_tasks([ABSENT])
    assert not task.is_here()
    with pytest.raises(UsageError, match=f"no file {tmp_path}/automl/cash_allhypo.jsonl.gz"):
        task.load()


@pytest.fixture
def outside(monkeypatch, tmp_path):
    """A task that does not come with the package, whose file is in EMBEDREG_DATA."""
    monkeypatch.setenv("EMBEDREG_DATA", str(tmp_path))
    (task,) = select_tasks(["molecules/freesolv"])
    path = tmp_path / "elsewhere" / "free.jsonl.gz"
    path.parent.mkdir()
    shutil.copyfile(task.path(), path)
    return dataclasses.replace(task, name="elsewhere/free", file="elsewhere/free.jsonl.gz"), path


def test_a_file_in_the_directory_is_loaded(outside):
    task, _ = outside
    assert task.is_here()
    assert len(task.load().records) == 642


def test_other_bytes_are_refused(outside):
    task, path = outside
    path.write_bytes(gzip.compress(b'{"x": "C", "y": 1}\n{"x": "N", "y": 2}\n'))
    with pytest.raises(DataError, match=f"{sha256_of(path)} of {path}; expected sha256 {task.sha256}"):
        task.load()


def test_keys_may_differ_between_the_records_of_a_dict_task(tmp_path, monkeypatch):
    path = tmp_path / "runs.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"x": {"a": 1}, "y": 1}\n{"x": {"a": 2, "b": "c"}, "y": 2}\n'))
    monkeypatch.setenv("EMBEDREG_DATA", str(tmp_path))
    task = RealTask(
        name="s/runs",
        suite="s",
        kind="dict",
        rows=2,
        dof=2,
        summary="",
        licence="",
        source="",
        sha256=sha256_of(path),
        target="y",
        spec=InputSpec("y", unwrap="x"),
        file="runs.jsonl.gz",
    )
    assert task.load().records == [{"a": 1}, {"a": 2, "b": "c"}]
