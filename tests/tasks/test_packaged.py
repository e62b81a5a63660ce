from __future__ import annotations

import pytest

from embedreg.core.errors import UsageError
from embedreg.core.files import sha256_of
from embedreg.tasks import load_labelled, packaged_task, packaged_tasks


@pytest.mark.parametrize("task", packaged_tasks(), ids=lambda task: task.name)
def test_a_packaged_task_is_what_it_says(task):
    path = packaged_task(task.name)
    assert sha256_of(path) == task.sha256
    assert task.licence in path.with_name("README.md").read_text()
    assert task.sha256 in path.with_name("README.md").read_text()
    assert len(load_labelled(path, task.target)) >= 500


def test_mysql_knobs():
    table = load_labelled(packaged_task("mysql_knobs"), "y")
    assert table.spec.unwrap == "x"
    assert len(table) == 710
    assert {len(record) for record in table.records} == {21}
    assert round(table.y.min()) == 1580


def test_unknown_name():
    with pytest.raises(UsageError, match="did you mean 'mysql_knobs'"):
        packaged_task("mysql_knob")
