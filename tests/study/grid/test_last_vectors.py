from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from embedreg.study.grid import _last_vectors
from embedreg.study.grid._last_vectors import LastVectors


@dataclass
class Task:
    name: str
    kind: str = "bbob"
    dof: int | None = 2


@dataclass
class Item:
    task: Task
    rows: int = 3
    seed: int = 0


RECORDS = [{"x0": i / 7, "x1": -i} for i in range(3)]


class Counter:
    def __init__(self, numbers: int = 4) -> None:
        self.calls = 0
        self.numbers = numbers

    def __call__(self) -> np.ndarray:
        self.calls += 1
        return np.full((3, self.numbers), self.calls, dtype=np.float32)


@pytest.mark.parametrize(
    ("other", "calls"),
    [
        (Item(Task("bbob/rastrigin@2")), 1),  # of the same points
        (Item(Task("bbob/sphere@5", dof=5)), 2),
        (Item(Task("bbob/sphere@2"), seed=1), 2),
        (Item(Task("bbob/sphere@2"), rows=4), 2),
        (Item(Task("automl/a", kind="table")), 2),
    ],
)
def test_items_of_the_same_records_share_their_vectors(other, calls):
    last, represent = LastVectors(), Counter()
    first = last.of(Item(Task("bbob/sphere@2")), RECORDS, represent)
    second = last.of(other, [dict(record) for record in RECORDS], represent)
    assert represent.calls == calls
    assert (second is first) == (calls == 1)


def test_other_records_under_the_same_key_are_represented_anew():
    last, represent = LastVectors(), Counter()
    last.of(Item(Task("a")), RECORDS, represent)
    assert last.of(Item(Task("b")), [*RECORDS[:2], {"x0": 9.0, "x1": 9}], represent)[0, 0] == 2


def test_the_oldest_go_first(monkeypatch):
    monkeypatch.setattr(_last_vectors, "_MOST_BYTES", 2 * 3 * 4 * 4)
    last, represent = LastVectors(), Counter()
    for seed in (0, 1, 0, 2, 0, 1):  # 1 goes when 2 comes, as 0 was wanted since
        last.of(Item(Task("a"), seed=seed), RECORDS, represent)
    assert represent.calls == 4


def test_vectors_larger_than_the_room_are_kept_for_the_next(monkeypatch):
    monkeypatch.setattr(_last_vectors, "_MOST_BYTES", 1)
    last, represent = LastVectors(), Counter()
    for name in "ab":
        last.of(Item(Task(name)), RECORDS, represent)
    assert represent.calls == 1
