"""One thread for linear algebra, for as long as anyone asks for it."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from threadpoolctl import ThreadpoolController, threadpool_limits

from embedreg.core.threads import one_blas_thread, torch_threads_kept


def blas_threads() -> set[int]:
    np.linalg.eigvalsh(np.eye(2))
    return {pool["num_threads"] for pool in ThreadpoolController().info() if pool["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def _two_threads_before():
    with one_blas_thread():
        pass  # scipy's pool is loaded
    with threadpool_limits(2, user_api="blas"):
        yield


def test_one_thread_within_and_what_was_before_afterwards():
    with one_blas_thread(), one_blas_thread():
        assert blas_threads() == {1}
    assert blas_threads() == {2}


def test_one_thread_until_the_last_of_several_leaves_and_what_was_before_afterwards():
    entered, left = threading.Event(), threading.Event()

    def longer() -> None:
        with one_blas_thread():
            entered.set()
            left.wait(10)
            seen.append(blas_threads())

    seen: list[set[int]] = []
    thread = threading.Thread(target=longer)
    with one_blas_thread():
        thread.start()
        entered.wait(10)
    left.set()
    thread.join()
    assert seen == [{1}]
    assert blas_threads() == {2}


def test_what_was_before_comes_back_after_an_error():
    with pytest.raises(RuntimeError, match="within"), one_blas_thread():
        raise RuntimeError("within")
    assert blas_threads() == {2}


def test_threads_of_torch_come_back_though_two_overlap():
    entered, left, begun = threading.Event(), threading.Event(), torch.get_num_threads()

    def longer() -> None:
        with torch_threads_kept():
            torch.set_num_threads(1)
            entered.set()
            left.wait(10)

    def seen_by_another() -> int:
        seen: list[int] = []
        one = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        one.start()
        one.join()
        return seen[0]

    torch.set_num_threads(3)
    try:
        with torch_threads_kept():
            torch.set_num_threads(1)
            thread = threading.Thread(target=longer)
            thread.start()
            entered.wait(10)
        left.set()
        thread.join()
        assert (torch.get_num_threads(), seen_by_another()) == (3, 3)
    finally:
        torch.set_num_threads(begun)
