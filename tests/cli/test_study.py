"""`embedreg study`, on synthetic functions and traditional features, which need no language model."""

from __future__ import annotations

import json

import pytest

SPEC = """
name = "little"
description = "a <little> study"
[representations.traditional]
kind = "tabular"
[[blocks]]
tasks = ["bbob/sphere@2,4"]
representations = ["traditional"]
heads = ["ridge", "mean"]
rows = [50]
seeds = 2
"""


@pytest.fixture
def spec(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EMBEDREG_DATA", raising=False)
    path = tmp_path / "little.toml"
    path.write_text(SPEC)
    return path


def test_presets_are_listed(run) -> None:
    listed = run("study", "list")
    assert listed.status == 0
    assert "smoke" in listed.out
    assert {entry["name"] for entry in run("study", "list", "--json").json()} >= {"smoke", "paper"}


def test_from_plan_to_page(run, spec, tmp_path) -> None:
    plan = run("study", "run", spec, "--dry-run")
    assert (plan.status, "cells: 8, finished: 0, to run: 8" in plan.out) == (0, True)
    assert not (tmp_path / "study-little").exists()
    assert run("study", "table", spec).out == "no cell is finished yet\n"

    done = run("study", "run", spec)
    assert done.status == 0
    assert "bbob, 2 fields, 50 rows, 1 task: kendall_tau" in done.out
    assert done.out.splitlines()[-1] == "results: study-little/results.sqlite"
    assert "finished: 8, to run: 0" in run("study", "status", spec).out

    means = run("study", "table", spec, "--json", "--metric", "rmse").json()
    assert {(m["head"], m["dof"]) for m in means} == {(h, d) for h in ("ridge", "mean") for d in (2, 4)}
    cells = [json.loads(line) for line in run("study", "table", spec, "--by-cell").out.splitlines()]
    assert len(cells) == 8
    assert not any("NaN" in run("study", "table", spec, form).out for form in ("--json", "--by-cell"))
    wrong = run("study", "table", spec, "--by-cell", "--metric", "rmsee")
    assert (wrong.status, "did you mean 'rmse'" in wrong.err) == (2, True)

    reported = run("study", "report", spec)
    assert reported.status == 0
    assert reported.out.splitlines()[-1] == "report: study-little/report.html"
    page = (tmp_path / "study-little" / "report.html").read_text()
    assert "a &lt;little&gt; study" in page
    assert "not run" in page
    assert "http" not in page.replace("https://arxiv.org/abs/2411.14708", "").replace("http://www.w3.org", "")


def test_two_tasks_of_one_name_in_two_blocks_are_refused(run, spec, tmp_path) -> None:
    blocks = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "l.csv").write_text(f"x,y\n1,{len(blocks)}\n")
        suite = '[[tasks]]\nfile = "l.csv"\ntarget = "y"\n'
        (tmp_path / folder / "s.toml").write_text(f'name = "bakery"\n{suite}')
        blocks.append(
            f'[[blocks]]\ntasks = ["{folder}/s.toml"]\nrepresentations = ["t"]\nheads = ["mean"]\nrows = 50\nseeds = 1\n'
        )
    spec.write_text('name = "two"\n[representations.t]\nkind = "tabular"\n' + "".join(blocks))

    found = run("study", "run", spec, "--dry-run")

    assert (found.status, "two different tasks 'bakery/l' in two blocks" in found.err) == (2, True)


def test_an_exported_file_stands_for_the_store(run, spec, tmp_path) -> None:
    run("study", "run", spec)
    exported = run("study", "export", spec, "--output", "found.parquet", "--machine", "two cores")
    assert (exported.status, exported.out) == (0, "8 of 8 cells: found.parquet\n")
    tables = [run("study", "table", place, "--by-cell").out for place in (spec, "found.parquet")]
    assert tables[0] == tables[1]
    verdicts = [run("study", "report", place).out.splitlines()[:-1] for place in (spec, "found.parquet")]
    assert verdicts[0] == verdicts[1]
    pages = [(tmp_path / name).read_text() for name in ("study-little/report.html", "found.html")]
    assert pages[0] == pages[1]


def test_another_machine_goes_on_from_an_exported_file(run, spec, tmp_path) -> None:
    run("study", "run", spec)
    run("study", "export", spec, "--output", "found.parquet")
    taken = run("study", "import", spec, "found.parquet", "--store", "elsewhere")
    assert taken.status == 0
    assert taken.out.startswith("8 cells: elsewhere/results.sqlite\ncells: 8, finished: 8, to run: 0\n")
    spec.write_text(spec.read_text().replace("seeds = 2", "seeds = 3"))
    assert "cells: 12, finished: 8, to run: 4" in run("study", "status", spec, "--store", "elsewhere").out

    missing = run("study", "import", spec, "nowhere.parquet")
    assert missing.status == 1
    assert "nowhere.parquet" in missing.err


def test_a_dry_run_says_what_a_service_would_cost(run, spec) -> None:
    text = spec.read_text().replace('"traditional"]', '"traditional", "paid"]')
    model = "openai:a-model?base_url=http://localhost:1/v1&dimensions=4&price=2"
    spec.write_text(text.replace("[[blocks]]", f'[representations.paid]\nmodel = "{model}"\n[[blocks]]'))
    plan = run("study", "run", spec, "--dry-run")
    assert plan.status == 0
    said = plan.out.partition("paid, by a service:\n")[2]
    assert "texts     200, of which 200 distinct" in said  # 2 dimensions x 2 seeds x 50 rows
    assert "cost      $" in said


def test_missing_data_are_an_error_unless_they_are_to_be_skipped(run, spec, tmp_path, monkeypatch) -> None:
    from embedreg.tasks import suites

    name = next(t.name for s in suites() for t in s.tasks if t.kind == "table" and not t.is_here())
    spec.write_text(spec.read_text().replace('"bbob/sphere@2,4"', f'"bbob/sphere@2,4", "{name}"'))
    assert f"not here: the data of 1 task (4 cells): {name}; " in run("study", "run", spec, "--dry-run").out
    refused = run("study", "run", spec)
    assert (refused.status, name in refused.err, "EMBEDREG_DATA" in refused.err) == (2, True, True)
    assert not (tmp_path / "study-little").exists()
    done = run("study", "run", spec, "--skip-missing")
    assert done.status == 0
    assert f"skipped: the data of 1 task (4 cells): {name}" in done.out


def test_an_export_has_its_ending(run, spec) -> None:
    refused = run("study", "export", spec, "--output", "found.csv")
    assert (refused.status, "ends in .parquet" in refused.err) == (2, True)


def test_what_fails_is_said_and_the_status_is_1(run, spec, monkeypatch) -> None:
    from embedreg.core.errors import DataError
    from embedreg.study.grid import _run

    def fail(*_: object, **__: object) -> None:
        raise DataError("rows of no use", expected="others", mend="none")

    monkeypatch.setattr(_run, "fit_many", fail)
    done = run("study", "run", spec)
    assert done.status == 1
    assert "8 cells that failed, such as: got rows of no use" in done.err
    assert "failed: got rows of no use" in run("study", "status", spec).out
    monkeypatch.undo()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("run", "smok"), "did you mean 'smoke'"),
        (("run", "none.toml"), "no such file"),
        (("table", "smoke", "--metric", "tau"), "kendall_tau"),
    ],
)
def test_wrong_use_has_status_2(run, tmp_path, monkeypatch, words, message) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("study", *words)
    assert done.status == 2
    assert message in done.err
