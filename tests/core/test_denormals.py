"""Numbers too small for a full mantissa."""

from __future__ import annotations

import threading

import pytest
import torch

from embedreg.core.denormals import denormals_flushed

CAN = torch.set_flush_denormal(False)


def half_of_a_denormal() -> float:
    return float(torch.full((100,), 2.0**-130).mul(0.5).max())


@pytest.fixture(autouse=True)
def kept():
    yield
    torch.set_flush_denormal(False)


@pytest.mark.skipif(not CAN, reason="this processor cannot take them for zero")
def test_they_are_zero_within_and_themselves_afterwards():
    with denormals_flushed():
        assert half_of_a_denormal() == 0
        with denormals_flushed():
            assert half_of_a_denormal() == 0
        assert half_of_a_denormal() == 0
    assert half_of_a_denormal() == 2.0**-131


def test_they_are_themselves_after_an_error():
    with pytest.raises(KeyError), denormals_flushed():
        raise KeyError
    assert half_of_a_denormal() == 2.0**-131


def test_other_threads_keep_them():
    found = []
    ready, done = threading.Event(), threading.Event()

    def other():
        ready.wait(30)
        found.append(half_of_a_denormal())
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with denormals_flushed():
        ready.set()
        assert done.wait(30)
    thread.join()
    assert found == [2.0**-131]
