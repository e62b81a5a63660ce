from __future__ import annotations

import re
from pathlib import Path

import pytest

from embedreg.core.errors import UsageError
from embedreg.tasks import select_tasks, suite_named, suites

PAGE = Path(__file__).parents[2] / "docs" / "tasks.md"


def names(*patterns: str) -> list[str]:
    return [task.name for task in select_tasks(patterns)]


def test_every_task_of_every_suite_is_selected_by_its_name():
    everything = {task.name: task for suite in suites() for task in suite.tasks}
    for name, task in list(everything.items())[::7]:
        assert select_tasks([name]) == [task]
    assert names(*(suite.name for suite in suites())) == list(everything)


def test_a_suite_has_its_tasks_in_order():
    assert select_tasks(["l2da"]) == list(suite_named("l2da").tasks)
    assert {task.suite for task in suite_named("l2da").tasks} == {"l2da"}


def test_a_glob():
    assert names("xla/db_history1?") == [f"xla/db_history{n}" for n in (10, 11, 13, 14, 15, 16, 18)]
    assert names("*/gb1") == ["protein/gb1"]


def test_numbers_of_inputs():
    assert names("bbob/sphere@10") == ["bbob/sphere@10"]
    assert names("bbob/schaffers*@3,7") == [
        "bbob/schaffers10@3",
        "bbob/schaffers1000@3",
        "bbob/schaffers10@7",
        "bbob/schaffers1000@7",
    ]
    assert len(names("bbob@5,10,25")) == 72
    assert names("bbob/sphere") == [f"bbob/sphere@{dof}" for dof in (5, 10, 25, 50, 100)]
    assert [task.dof for task in select_tasks(["bbob-paper/*@3"])] == [3, 3]


def test_each_task_once_in_the_order_of_the_patterns():
    assert names("protein", "graphs", "protein/gb1") == ["protein/gb1", "graphs/nasbench201_cifar10"]
    assert len(names("bbob@5", "bbob-paper@5")) == 26
    assert names() == []


@pytest.mark.parametrize(
    ("pattern", "hint"),
    [
        ("autml", "did you mean 'automl'"),
        ("automl/hpobench_cars", "did you mean 'automl/hpobench_car'"),
        ("bbob/spere@10", "did you mean 'bbob/sphere'"),
        ("automl@10", "expected one of bbob, bbob-paper"),
        ("xla/nothing*", "expected one of xla/kernel"),
        ("", "expected one of bbob, bbob-paper, bbob-centred, automl"),
    ],
)
def test_an_unknown_name_gets_the_nearest(pattern, hint):
    with pytest.raises(UsageError, match=hint):
        select_tasks([pattern])


@pytest.mark.parametrize("pattern", ["bbob@", "bbob@x", "bbob@5,", "bbob@1", "bbob@-3", "bbob/sphere@5@6"])
def test_numbers_that_are_none(pattern):
    with pytest.raises(UsageError, match="whole numbers from 2"):
        select_tasks([pattern])


def test_suite_named_names_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'molecules'"):
        suite_named("molecule")


def test_the_python_of_the_page_runs(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    exec(code, {})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "l2da/blackscholes_cycles table 3 3194 float64"
    assert lines[-1] == "bbob/sphere@10 bbob 10 100 float64"
