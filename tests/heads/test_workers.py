"""Fits side by side."""

from __future__ import annotations

import threading
import time

import pytest
from sklearn.datasets import make_regression

from embedreg.heads import Problem, XGBoostHead, _workers, fit_many
from embedreg.heads._workers import run_side_by_side, worker_count


def nothing() -> None:
    pass


@pytest.mark.parametrize("processors", [1, 3])
def test_every_item_is_worked_on_once(monkeypatch: pytest.MonkeyPatch, processors: int) -> None:
    monkeypatch.setattr(_workers, "worker_count", lambda: processors)
    assert dict(run_side_by_side(lambda i: i * i, range(10), nothing)) == {i: i * i for i in range(10)}
    assert dict(run_side_by_side(lambda i: i, [], nothing)) == {}


def test_as_many_as_there_are_processors_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_workers, "worker_count", lambda: 3)
    together = threading.Barrier(3)
    assert len(list(run_side_by_side(lambda _: together.wait(10), range(6), nothing))) == 6


def test_a_failure_stops_what_runs_and_drops_what_has_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_workers, "worker_count", lambda: 2)
    stopped, begun = threading.Event(), []

    def work(i: int) -> None:
        begun.append(i)
        if i == 0:
            raise ValueError("item 0")
        assert stopped.wait(10)

    with pytest.raises(ValueError, match="item 0"):
        list(run_side_by_side(work, range(50), stopped.set))
    assert stopped.is_set()
    assert len(begun) < 5


def test_leaving_off_stops_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_workers, "worker_count", lambda: 2)
    stopped = threading.Event()
    results = run_side_by_side(lambda i: i == 0 or stopped.wait(10), range(2), stopped.set)
    assert next(results) == (0, True)
    results.close()
    assert stopped.is_set()


def test_omp_num_threads_is_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert worker_count() == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "4,2")  # its other form, a number a level, bounds nothing here
    assert worker_count() >= 1


def test_trees_told_to_stop_end_at_once() -> None:
    X, y = make_regression(400, 300, noise=1.0, random_state=0)
    stopped = threading.Event()
    stopped.set()
    started = time.monotonic()
    head = XGBoostHead()._fit(X, y, None, None, 1, stopped)
    assert not hasattr(head, "chosen_")
    assert time.monotonic() - started < 5


def test_trees_side_by_side_are_those_of_one_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_workers, "worker_count", lambda: 2)
    X, y = make_regression(120, 8, noise=1.0, random_state=0)
    head = XGBoostHead(max_rounds=40)
    fitted = fit_many(head, [Problem(X, y, random_state=seed) for seed in range(3)])
    for seed, together in enumerate(fitted):
        alone = XGBoostHead(max_rounds=40, random_state=seed).fit(X, y)
        assert (alone.predict(X) == together.predict(X)).all()
