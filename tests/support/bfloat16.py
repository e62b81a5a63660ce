"""Numbers of bfloat16 to try compiled code with, and how near its results have to be."""

from __future__ import annotations

import torch

ROUNDING = torch.finfo(torch.bfloat16).eps


def numbers(*shape, seed=0, size=1.0):
    return (torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * size).to(torch.bfloat16)


def assert_near(found, wanted, roundings=2):
    """As near as bfloat16 can be, beside the greatest of what is wanted."""
    wanted = wanted.double()
    assert found.shape == wanted.shape
    assert float((found.double() - wanted).abs().max()) <= roundings * ROUNDING * float(wanted.abs().max())


def assert_the_same_by_a_team(compute):
    """Whatever number of torch's threads share it; torch is kept to one by the test."""
    alone = compute()
    for threads in (2, 5):
        torch.set_num_threads(threads)
        assert torch.equal(compute(), alone)
