from __future__ import annotations

import contextlib
import subprocess
import sys
import threading

import pytest

from embedreg.core.ahead import ahead, begun, lagging


def test_results_come_in_order_whatever_the_number_of_items():
    for n in range(4):
        assert list(ahead(str, range(n))) == [str(i) for i in range(n)]


def test_the_next_item_is_worked_on_while_a_result_is_used():
    begun = [threading.Event() for _ in range(3)]

    def work(i: int) -> int:
        begun[i].set()
        return i

    for i in ahead(work, range(3)):
        assert begun[min(i + 1, 2)].wait(timeout=30)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_each_thread_takes_every_so_manieth_item_and_results_come_in_order(threads):
    idents = ahead(lambda _: threading.get_ident(), range(20), threads=threads)
    assert [*ahead(str, range(20), threads=threads)] == [str(i) for i in range(20)]
    by_position = [*idents]
    assert len(set(by_position)) == threads
    assert all(ident == by_position[i % threads] for i, ident in enumerate(by_position))


def test_as_many_items_are_worked_on_at_once_as_there_are_threads():
    together = threading.Barrier(3)
    assert len([*ahead(lambda _: together.wait(30), range(9), threads=3)]) == 9


def test_threads_begin_within_what_they_are_told_to():
    begun, within = [], []

    @contextlib.contextmanager
    def starting():
        within.append(True)
        yield lambda: begun.append((threading.get_ident(), within[-1]))
        within.append(False)

    results = ahead(lambda _: within[-1], range(6), threads=2, starting=starting())
    assert [*results] == [False] * 6
    assert [inside for _, inside in begun] == [True, True]
    assert len({thread for thread, _ in begun}) == 2


def test_begun_work_goes_on_meanwhile_and_gives_its_result_as_often_as_asked():
    may_end = threading.Event()
    result = begun(lambda: may_end.wait(30))
    may_end.set()
    assert [result(), result()] == [True, True]


def test_an_error_of_begun_work_is_raised_where_its_result_is_asked_for():
    result = begun(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        result()


def test_a_thread_that_outlives_the_main_one_does_the_work_itself():
    script = """
import threading
from embedreg.core.ahead import ahead

def work():
    threading.main_thread().join()
    print(list(ahead(lambda i: 6 // i, [1, 2, 3], threads=2)))
    results = ahead(lambda i: 6 // i, [1, 0, 3])
    try:
        print(next(results))
        next(results)
    except ZeroDivisionError as error:
        print(error)

threading.Thread(target=work).start()
"""
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[:2] == ["[6, 3, 2]", "6"]
    assert "zero" in told.stdout
    assert not told.stderr


def test_an_error_is_raised_after_the_results_before_it():
    results = ahead(lambda i: 6 // i, [1, 2, 0, 3])
    assert [next(results), next(results)] == [6, 3]
    with pytest.raises(ZeroDivisionError):
        next(results)


@pytest.mark.parametrize("threads", [1, 3])
def test_leaving_off_early_leaves_no_thread_and_begins_no_more(threads):
    begun = []
    results = ahead(begun.append, range(100), threads=threads)
    next(results)
    results.close()
    assert len(begun) <= 2 * threads
    assert not [t for t in threading.enumerate() if t.name.startswith("embedreg-ahead")]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_is_made_comes_before_the_next_ones_error(error):
    def items():
        yield from "abc"
        raise error

    found = []
    with pytest.raises(error):
        for item in lagging(items(), 2):
            found.append(item)  # noqa: PERF402 (what came before the error counts)
    assert found == ["a", "b", "c"]


def test_leaving_off_early_makes_no_more():
    made = []
    several = lagging((made.append(i) or i for i in range(9)), 1)
    assert next(several) == 0
    several.close()
    assert made == [0, 1]
