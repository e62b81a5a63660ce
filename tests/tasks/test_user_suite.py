from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from embedreg.core.errors import DataError, UsageError
from embedreg.tasks import select_tasks, suite_from_toml

PAGE = Path(__file__).parents[2] / "docs" / "tasks.md"
NORTH = "flour,water,height\n500,320,11.5\n450,300,10.25\n"
SOUTH = "flour,water,height\n400,280,9\n420,310,9.5\n"
REVIEWS = '{"review": "too dark", "stars": 2, "day": 1}\n{"review": "good crust", "stars": 5, "day": 2}\n'


@pytest.fixture
def bakery(tmp_path):
    """The page's example, with the files it speaks of."""
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    assert len(example.splitlines()) == 10
    (tmp_path / "loaves_north.csv").write_text(NORTH)
    (tmp_path / "loaves_south.csv").write_text(SOUTH)
    (tmp_path / "reviews.jsonl.gz").write_bytes(gzip.compress(REVIEWS.encode()))
    path = tmp_path / "bakery.toml"
    path.write_text(example)
    return path


def test_the_example_of_the_page(bakery):
    suite = suite_from_toml(bakery)
    assert (suite.name, suite.description) == ("bakery", "Loaves of two bakeries, and what customers wrote")
    shown = [(task.name, task.kind, task.rows, task.dof, task.licence) for task in suite.tasks]
    assert shown == [
        ("bakery/loaves_north", "table", 2, 2, "CC0-1.0"),
        ("bakery/loaves_south", "table", 2, 2, "CC0-1.0"),
        ("bakery/reviews", "text", 2, 1, "CC0-1.0"),
    ]
    north, _, reviews = (task.load() for task in suite.tasks)
    assert north.records == [{"flour": 500, "water": 320}, {"flour": 450, "water": 300}]
    assert north.y.tolist() == [11.5, 10.25]
    assert reviews.records == ["too dark", "good crust"]
    assert reviews.y.tolist() == [2, 5]
    assert all(task.is_here() for task in suite.tasks)


def test_a_pattern_leaves_hidden_files_out(bakery):
    """Such as the ones some file managers write beside each file, or one that is being written."""
    before = [task.name for task in suite_from_toml(bakery).tasks]
    (bakery.parent / "._loaves_north.csv").write_bytes(b"\0\5\x16\7")
    bakery.write_text(bakery.read_text().replace("loaves_*.csv", "*.csv"))
    assert [task.name for task in suite_from_toml(bakery).tasks] == before


@pytest.mark.parametrize(
    "pattern", ["**/*.csv", "**/deep/**/*.csv", "../here/**/*.csv", "deep/.hidden/*.csv"]
)
def test_a_pattern_of_folders_finds_each_file_once(tmp_path, pattern):
    """Also where a link leads back to where it is."""
    inner = tmp_path / "here" / "deep" / "deep"
    inner.mkdir(parents=True)
    (tmp_path / "here" / "deep" / ".hidden").mkdir()
    for number, folder in enumerate((inner, inner.parent / ".hidden")):
        (folder / f"loaves_{number}.csv").write_text(NORTH)
    (inner / "up").symlink_to("..")
    path = tmp_path / "here" / "s.toml"
    path.write_text(f'name = "s"\n[[tasks]]\nfile = "{pattern}"\ntarget = "height"\n')
    [task] = suite_from_toml(path).tasks
    assert task.name == ("s/loaves_1" if "hidden" in pattern else "s/loaves_0")


def test_its_path_is_a_pattern(bakery, monkeypatch):
    monkeypatch.chdir(bakery.parent)
    found = select_tasks(["./bakery.toml", "protein"])
    assert [task.name for task in found][2:] == ["bakery/reviews", "protein/gb1"]
    assert select_tasks(["./bakery.toml", "bakery.toml"]) == found[:3]


def test_two_suites_with_one_name_cannot_be_told_apart(bakery, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "loaves_north.csv").write_text(SOUTH)
    other = tmp_path / "other" / "bakery.toml"
    other.write_text('name = "bakery"\n[[tasks]]\nfile = "loaves_north.csv"\ntarget = "height"\n')
    with pytest.raises(UsageError, match="two different tasks 'bakery/loaves_north'"):
        select_tasks([str(bakery), str(other)])


def test_identity_is_what_is_read_from_which_bytes(bakery, tmp_path):
    suite = suite_from_toml(bakery)
    identities = [task.identity() for task in suite.tasks]
    assert len({str(identity) for identity in identities}) == 3
    fewer = tmp_path / "fewer.toml"
    fewer.write_text(
        'name = "bakery"\n[[tasks]]\nfile = "loaves_north.csv"\ntarget = "height"\ncolumns = ["water"]\n'
    )
    (narrow,) = suite_from_toml(fewer).tasks
    assert narrow.dof == 1
    assert narrow.licence == "not stated"
    assert narrow.identity()["sha256"] == identities[0]["sha256"]
    assert narrow.identity() != identities[0]


def test_a_file_that_changed_since_is_refused(bakery):
    north = suite_from_toml(bakery).tasks[0]
    north.file.write_text(SOUTH)
    with pytest.raises(DataError, match="read the suite again"):
        north.load()
    north.file.unlink()
    assert not north.is_here()
    with pytest.raises(UsageError, match="no file .*loaves_north.csv"):
        north.load()


def test_keys_that_differ_make_a_dict_task(tmp_path):
    (tmp_path / "runs.jsonl").write_text('{"x": {"a": 1}, "y": 1}\n{"x": {"b": 2, "c": 3}, "y": 2}\n')
    path = tmp_path / "s.toml"
    path.write_text('name = "s"\n[[tasks]]\nfile = "runs.jsonl"\ntarget = "y"\n')
    (task,) = suite_from_toml(path).tasks
    assert (task.name, task.kind, task.dof) == ("s/runs", "dict", 3)


TASK = '[[tasks]]\nfile = "loaves_*.csv"\ntarget = "height"\n'


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        ("name = ", DataError, "no TOML"),
        (TASK, DataError, "no 'name'"),
        ('name = "a b"\n' + TASK, DataError, "letters, digits"),
        ('name = ""\n' + TASK, DataError, "a text that is not empty"),
        ('name = "s"\n', DataError, "no 'tasks'"),
        ('name = "s"\ntasks = []\n', DataError, "at least one table"),
        ('name = "s"\ntasks = [3]\n', DataError, "at least one table"),
        ('name = "s"\nlicense = "MIT"\n' + TASK, UsageError, "did you mean 'licence'"),
        ('name = "s"\nlicence = 3\n' + TASK, DataError, "licence 3"),
        ('name = "s"\n[[tasks]]\nfile = "loaves_north.csv"\n', DataError, "no 'target'"),
        ('name = "s"\n' + TASK + "columns = 3\n", DataError, "a list of names"),
        ('name = "s"\n' + TASK + 'columns = ["fluor"]\n', UsageError, "did you mean 'flour'"),
        ('name = "s"\n' + TASK.replace("height", "heigth"), UsageError, "did you mean 'height'"),
        ('name = "s"\n' + TASK.replace("loaves", "rolls"), UsageError, r"no file 'rolls_\*.csv'"),
        ('name = "s"\n' + TASK + TASK, DataError, "both named 's/loaves_north'"),
    ],
)
def test_what_is_wrong_is_said(bakery, content, kind, message):
    bakery.write_text(content)
    with pytest.raises(kind, match=message):
        suite_from_toml(bakery)


def test_no_such_file(tmp_path):
    with pytest.raises(UsageError, match="no file .*mine.toml"):
        select_tasks([str(tmp_path / "mine.toml")])
