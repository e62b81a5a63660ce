from __future__ import annotations

import pytest

from embedreg.tasks import suites


@pytest.fixture(autouse=True)
def _no_data_directory(monkeypatch):
    monkeypatch.delenv("EMBEDREG_DATA", raising=False)


def test_list_shows_a_line_a_task(run):
    outcome = run("tasks", "list", "--suite", "automl", "--suite", "bbob/sphere@7")
    lines = outcome.out.splitlines()
    assert outcome.status == 0, outcome.err
    assert lines[0].split() == ["name", "kind", "rows", "dof", "here", "licence"]
    assert [line.split() for line in lines if "car" in line or "allhypo" in line or "sphere" in line] == [
        ["automl/hpobench_car", "table", "6000", "5", "yes", "Apache-2.0"],
        ["automl/cash_allhypo", "dict", "4859", "18", "no", "GPL-3.0"],
        ["bbob/sphere@7", "bbob", "any", "7", "yes", "BSD-3-Clause"],
    ]
    assert len(lines) == 1 + 12 + 1


def test_list_as_json_has_every_task(run):
    rows = run("tasks", "list", "--json").json()
    assert {row["name"] for row in rows} == {task.name for suite in suites() for task in suite.tasks}
    (car,) = [row for row in rows if row["name"] == "automl/hpobench_car"]
    assert car["here"] is True
    assert len(car["sha256"]) == 64
    assert car["source"].startswith("https://")


def test_an_unknown_suite_is_wrong_use(run):
    outcome = run("tasks", "list", "--suite", "molecule")
    assert outcome.status == 2
    assert "did you mean 'molecules'" in outcome.err
