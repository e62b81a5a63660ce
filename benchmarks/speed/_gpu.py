"""The GPU that is measured: how fast it multiplies matrices, and when it is done."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import torch

from benchmarks.speed._machine import DTYPES
from benchmarks.speed._timing import seconds
from embedreg.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.speed._options import Options

PEAK_SIZE = 8192
_PEAK_RUNS = 10


def gpu(options: Options) -> str:
    """Return the device to measure; a processor stands in for it where the code alone is tried."""
    if torch.cuda.is_available():
        return "cuda"
    if options.quick:
        return "cpu"
    raise UsageError("no GPU", expected="one that torch can use", mend="--only with the other parts")


def wait(device: str) -> None:
    """Wait until the device has done all it was given."""
    if device == "cuda":
        torch.cuda.synchronize()


def gpu_peak(precision: str, size: int, device: str) -> float:
    """Return floating-point operations a second in products of large square matrices of random numbers, the best of a few."""
    a, b = (torch.rand(size, size, device=device).to(DTYPES[precision]) for _ in range(2))

    def multiply() -> None:
        torch.mm(a, b)
        wait(device)

    return round(2 * size**3 / min(seconds(multiply) for _ in range(_PEAK_RUNS)))


def busy_share(work: Callable[[], object], device: str) -> float | None:
    """Return in what share of some work's time the GPU computes or copies; None without one. It is run once for that."""
    if device != "cuda":
        return None
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        taken = seconds(lambda: (work(), wait(device)))
    return sum(event.self_device_time_total for event in profile.key_averages()) / 1e6 / taken


def release(device: str) -> None:
    """Give back the memory of what is no longer used."""
    gc.collect()  # models are in cycles
    if device == "cuda":
        torch.cuda.empty_cache()
