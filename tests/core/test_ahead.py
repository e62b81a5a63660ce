from __future__ import annotations

import threading

import pytest

from embedreg.core.ahead import lagging, one_ahead


def test_results_come_in_order_whatever_the_number_of_items():
    for n in range(4):
        assert list(one_ahead(str, range(n))) == [str(i) for i in range(n)]


def test_the_next_item_is_worked_on_while_a_result_is_used():
    begun = [threading.Event() for _ in range(3)]

    def work(i: int) -> int:
        begun[i].set()
        return i

    for i in one_ahead(work, range(3)):
        assert begun[min(i + 1, 2)].wait(timeout=30)


def test_an_error_is_raised_after_the_results_before_it():
    results = one_ahead(lambda i: 6 // i, [1, 2, 0, 3])
    assert [next(results), next(results)] == [6, 3]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_leaving_off_early_leaves_no_thread():
    results = one_ahead(str, range(100))
    next(results)
    results.close()
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
