"""What a run was made on, how many threads it may use, and how fast the processor multiplies matrices."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from threadpoolctl import threadpool_limits

from benchmarks.speed._timing import seconds
from embedreg.core.products import linear_map
from embedreg.embed._layer_end import layer_ends_work
from embedreg.embed._steps import steps_work, tiles_work
from embedreg.embed._tile_gate import tile_gates_work
from embedreg.heads._compiled_stack import compiled_steps_work

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGES = (
    "embedreg",
    "numpy",
    "onnxruntime",
    "openvino",
    "optimum-intel",
    "optimum-onnx",
    "scikit-learn",
    "scipy",
    "sentence-transformers",
    "skorch",
    "tokenizers",
    "torch",
    "transformers",
)
# Of what a processor has, the fastest to multiply matrices with; its name does not always tell.
INSTRUCTIONS = ("amx_bf16", "avx512_bf16", "avx512f", "avx2", "asimd")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
COMPILED = {
    "norms, activations, rotations": steps_work,
    "attention": tiles_work,
    "ends of layers": layer_ends_work,
    "perceptrons with a gate": tile_gates_work,
    "steps of perceptrons": compiled_steps_work,
}
_PEAK_RUNS = 4


def machine(threads: int) -> dict[str, Any]:
    """Return processor, threads, versions, date and commit."""
    return {
        "cpu": _of_processor("model name") or platform.processor() or platform.machine(),
        "instructions": next((name for name in INSTRUCTIONS if name in _of_processor("flags").split()), ""),
        "cores": os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "",
        "threads": threads,
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": dict(_versions()),
        "compiled": [name for name, works in COMPILED.items() if works()],
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "commit": _commit(),
    }


def load() -> float:
    """Return the mean number of processes that wanted to run in the last minute."""
    return round(os.getloadavg()[0], 2)


@contextlib.contextmanager
def limited_threads(count: int) -> Iterator[None]:
    """Keep torch, BLAS and the fits side by side (which read OMP_NUM_THREADS) to so many threads."""
    before, named = torch.get_num_threads(), os.environ.get("OMP_NUM_THREADS")
    torch.set_num_threads(count)
    os.environ["OMP_NUM_THREADS"] = str(count)
    try:
        with threadpool_limits(count):
            yield
    finally:
        torch.set_num_threads(before)
        if named is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = named


def matrix_peak(precision: str, size: int) -> float:
    """Return floating-point operations a second in products of large square matrices, the best of a few, in the faster of two ways."""
    a, b = (torch.rand(size, size).to(DTYPES[precision]) for _ in range(2))
    laid_out = linear_map(b, None)
    with torch.inference_mode():
        best = min(
            seconds(call) for call in (lambda: torch.mm(a, b), lambda: laid_out(a)) for _ in range(_PEAK_RUNS)
        )
    return 2 * size**3 / best


def _commit() -> str:
    """Return the commit that is checked out, with a mark where files differ from it; nothing without git."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--exclude=*"]
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    return ""


def _versions() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            yield package, version(package)


def _of_processor(key: str) -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")
