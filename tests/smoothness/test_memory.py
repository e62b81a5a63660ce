"""Extra memory grows with the number of records, not with its square."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from embedreg.smoothness import _neighbours, lipschitz_factors

MIB = 2**20


def extra_memory(n, d=64, distinct=None):
    """Bytes at the peak, beyond the input."""
    rng = np.random.default_rng(0)
    vectors, y = rng.normal(size=(n, d)), rng.normal(size=n)
    if distinct:
        vectors = vectors[rng.integers(distinct, size=n)]
    tracemalloc.start()
    lipschitz_factors(vectors, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_it_is_linear(monkeypatch):
    """Four times the records take about four times the memory, not sixteen times, once blocks are small beside it."""
    monkeypatch.setattr(_neighbours, "_BLOCK_ENTRIES", 2**16)
    small, large = extra_memory(2000), extra_memory(8000)
    assert large < 4.5 * small
    assert large < 8000 * 8000  # an eighth of all distances


def test_the_constant_is_small():
    """20,000 records: all distances would be 3,052 MiB, the vectors themselves are 10."""
    assert extra_memory(20_000) < 110 * MIB


@pytest.mark.parametrize("n", [4500, 7000])
def test_many_equal_vectors_have_a_bound_too(n):
    """Of two places, each record is tied with half of all the others; n does not matter."""
    assert extra_memory(n, d=2, distinct=2) < 320 * MIB
