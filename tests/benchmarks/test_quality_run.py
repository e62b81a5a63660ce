"""Running the quality benchmark: what is kept is not run again, and a failure stops nothing."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from benchmarks.quality import __main__ as command
from benchmarks.quality._grid import cells_of, chosen_tasks
from benchmarks.quality._results import collect, read, take_over, write
from benchmarks.quality._run import run_cells
from benchmarks.quality.methods import METHODS, Fitted, Method, require
from embedreg.core.errors import UsageError
from embedreg.study.grid import StudyStore


class Fake:
    """A method that predicts a field, and counts its fits."""

    def __init__(self, name="fake", error=None, interval=None):
        self.fits = []
        self.error = error
        self.interval = interval
        self.method = Method(name, self._fit, settings={"version": 1})

    def _fit(self, parts, seed):
        self.fits.append((len(parts.train.y), len(parts.validation.y), seed))
        if self.error:
            raise self.error
        return Fitted(lambda records: np.array([record["x1"] for record in records]), self.interval, {"a": 1})


@pytest.fixture
def store(tmp_path):
    return StudyStore(tmp_path)


def quiet(_):
    pass


TASKS = ["bbob-paper/negative_sphere@3", "bbob-paper/negative_min_difference@3"]


def cells(*fakes, tasks=TASKS, seeds=(0, 1)):
    return cells_of(chosen_tasks(tasks), seeds, [fake.method for fake in fakes])


def test_a_second_run_fits_nothing(store):
    fake = Fake()
    assert run_cells(cells(fake), store, quiet) == 0
    assert fake.fits == [(400, 50, 0), (400, 50, 0), (400, 50, 1), (400, 50, 1)]
    run_cells(cells(fake), store, quiet)
    assert len(fake.fits) == 4


def test_a_run_that_was_stopped_goes_on_where_it_was(store):
    stopped = Fake(error=KeyboardInterrupt())
    run_cells(cells(Fake(), seeds=[0]), store, quiet)
    with pytest.raises(KeyboardInterrupt):
        run_cells(cells(stopped), store, quiet)
    assert len(stopped.fits) == 1
    fake = Fake()
    run_cells(cells(fake), store, quiet)
    assert [seed for _, _, seed in fake.fits] == [1, 1]


def test_other_settings_are_run_anew(store):
    fake = Fake()
    run_cells(cells(fake), store, quiet)
    fake.method = dataclasses.replace(fake.method, settings={"version": 2})
    run_cells(cells(fake), store, quiet)
    assert len(fake.fits) == 8


def test_a_run_goes_on_from_an_exported_file(store, tmp_path):
    fake, other = Fake(), Fake("other")
    some = cells(fake, other, seeds=[0])
    run_cells(some, store, quiet)
    write(collect(some, store, 500), tmp_path / "quality.parquet")
    exported = read(tmp_path / "quality.parquet")

    other.method = dataclasses.replace(other.method, settings={"version": 2})
    more = cells(fake, other, seeds=[0, 1])
    elsewhere = StudyStore(tmp_path / "elsewhere")
    assert take_over(exported, more, elsewhere) == 2, "what was run with other settings stays behind"
    found = collect(more, elsewhere, 500)
    assert found.rows == [row for row in exported.rows if row["method"] == "fake"]
    assert found.versions == exported.versions

    run_cells(more, elsewhere, quiet)
    assert [seed for _, _, seed in fake.fits] == [0, 0, 1, 1]
    assert len(other.fits) == 6


def test_a_failure_is_noted_and_tried_again(store):
    bad, good = Fake("bad", ValueError("no such luck")), Fake("good")
    both = cells(bad, good, seeds=[0])
    assert run_cells(both, store, quiet) == 2
    found = collect(both, store, 500)
    assert {row["method"] for row in found.rows} == {"good"}
    assert {row["error"] for row in found.failures} == {"ValueError: no such luck"}
    bad.error = None
    assert run_cells(both, store, quiet) == 0
    found = collect(both, store, 500)
    assert (len(found.rows), found.failures) == (4, [])
    assert len(good.fits) == 2


def test_a_prediction_that_is_not_finite_is_a_failure(store):
    bad = Fake()
    bad.method = Method("bad", lambda parts, seed: Fitted(lambda records: np.full(len(records), np.nan)))
    assert run_cells(cells(bad, seeds=[0]), store, quiet) == 2


def test_intervals_are_scored_by_coverage_and_relative_width(store):
    wide = Fake(interval=lambda records, coverage: np.array([[-1e9, 1e9]] * len(records)))
    run_cells(cells(wide, seeds=[0]), store, quiet)
    row = collect(cells(wide, seeds=[0]), store, 500).rows[0]
    assert (row["coverage_80"], row["coverage_90"]) == (1.0, 1.0)
    assert row["width_80"] > row["width_90"] > 1
    assert row["family"] == "bbob-paper, 3 inputs"


def test_families_take_turns():
    names = [task.name for task in chosen_tasks(["bbob/s*@5,10", "l2da"])]
    assert names[:4] == ["bbob/sphere@5", "bbob/sphere@10", "l2da/fbnet_eyeriss", "bbob/step_ellipsoid@5"]
    assert len(names) == len(set(names))


def test_a_missing_package_is_said_at_once():
    with pytest.raises(UsageError, match="no_such_package.*benchmarks"):
        require([Method("x", Fake().method.fit, packages=("no_such_package",))])


def test_the_command_refuses_an_unknown_method_and_task(tmp_path, capsys):
    assert command.main(["run", str(tmp_path), "--methods", "embedreg-balnced"]) == 2
    assert "embedreg-balanced" in capsys.readouterr().err
    assert command.main(["run", str(tmp_path), "--methods", "paper", "--tasks", "nothing"]) == 2


def test_the_command_runs_and_exports_and_prints(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(METHODS, "paper", Fake("paper").method)
    place = str(tmp_path / "run")
    tasks = ["--tasks", "bbob-paper/negative_sphere@5", "--seeds", "0"]
    assert command.main(["run", place, "--methods", "paper", *tasks]) == 0
    assert "1/1 bbob-paper/negative_sphere@5 0 paper: tau" in capsys.readouterr().out
    assert command.main(["table", place]) == 0
    assert "Nothing is run yet" in capsys.readouterr().out  # that task is not of the grid
    file = str(tmp_path / "quality.parquet")
    assert command.main(["export", place, "--output", file]) == 0
    assert command.main(["import", str(tmp_path / "more"), "--input", file]) == 0
    assert "0 of 0 rows are kept" in capsys.readouterr().out
