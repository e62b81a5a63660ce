"""Which precision something is fastest in here: measured once for each machine, and remembered."""

from __future__ import annotations

import contextlib
import functools
import math
import time
from typing import TYPE_CHECKING, Final

from embedreg.core.devices import find_device
from embedreg.core.measured import keep_measured, machine_name, measured
from embedreg.core.products import linear_map
from embedreg.core.threads import SharedSetting, torch_threads_kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import torch

_FILE: Final = "precision.json"
# Of products: the rest of a model gains less. MiniLM's were 2.0 times as fast in bfloat16 where the whole model was 1.8.
_LEAST_SPEEDUP: Final = 1.5
_TOKENS: Final = 128
_WIDEST: Final = 768
"""A wider model's products gain as much as those of this width, and take longer to measure."""
_LEAST_ROUNDS: Final = 3
_MEASURED: Final = 0.03  # seconds


def fastest_dtype(width: int, device: str, *, packed: bool = False) -> str:
    """Return "bfloat16" if products of that width were measured to be clearly faster than in float32, else "float32".

    Parameters
    ----------
    width
        Columns of the model's matrices.
    device
        "cpu", "auto" or a PyTorch device name.
    packed
        Whether products on a processor are those of `embedreg.core.products.linear_map`; else torch's own.
    """
    place = find_device(device)
    width = min(width, _WIDEST)
    packed = packed and place.type == "cpu"
    what = f"products {width} wide" + (", packed" if packed else "")
    run = functools.partial(_product, width=width, device=place, packed=packed)
    return faster_dtype(what, place, run, _LEAST_SPEEDUP)


def faster_dtype(
    what: str, place: torch.device, make: Callable[[str], Callable[[], object]], least: float
) -> str:
    """Return "bfloat16" if something was measured to be so many times as fast in it as in float32, else "float32".

    Measuring takes about as long as eight runs, and 30 ms at least. The answer is remembered in `precision.json` in the cache
    folder; remove that file to measure again.

    Parameters
    ----------
    what
        Is measured, in words.
    place
        Where it is computed.
    make
        Given a precision, returns what computes it, and waits until it is done.
    least
        Times as fast, from which bfloat16 is worth its rounding.
    """
    key = f"{machine_name(place)}: {what}"
    known = measured(_FILE, ["dtype"])
    if key not in known:
        slow, fast = _seconds(make, place)
        speedup = slow / fast
        known[key] = {"dtype": "bfloat16" if speedup >= least else "float32", "speedup": speedup}
        keep_measured(_FILE, known)
    return str(known[key]["dtype"])


@contextlib.contextmanager
def tensor_float32() -> Iterator[None]:
    """Let CUDA GPUs round the factors of float32 products to 11 bits, then as it was; any number of threads may do so.

    A model in bfloat16 may keep a layer in float32 for its range; such products are about ten times as fast, and still
    less rounded than the rest.
    """
    import torch

    matmul = torch.backends.cuda.matmul
    name, value = ("fp32_precision", "tf32") if hasattr(matmul, "fp32_precision") else ("allow_tf32", True)
    with _tensor_float32.lock:
        if not _tensor_float32.users:  # torch has one setting for all threads
            _tensor_float32.before = getattr(matmul, name)
            setattr(matmul, name, value)
        _tensor_float32.users += 1
    try:
        yield
    finally:
        with _tensor_float32.lock:
            _tensor_float32.users -= 1
            if not _tensor_float32.users:
                setattr(matmul, name, _tensor_float32.before)


_tensor_float32 = SharedSetting()


def _seconds(make: Callable[[str], Callable[[], object]], place: torch.device) -> tuple[float, float]:
    """Return how long something takes in float32 and in bfloat16; infinity where it does not work.

    The least times of several rounds by one thread, so that what else the machine does changes little.
    """
    import torch

    runs = [_timed(make, dtype, _clock(place)) for dtype in ("float32", "bfloat16")]
    with torch_threads_kept():
        torch.set_num_threads(1)
        times = [[run()] for run in runs]  # those first times include warming up
        started = time.perf_counter()
        while len(times[0]) <= _LEAST_ROUNDS or time.perf_counter() - started < _MEASURED:
            for known, run in zip(times, runs, strict=True):
                known.append(run())
    slow, fast = (min(known) for known in times)
    return slow, fast


def _timed(
    make: Callable[[str], Callable[[], object]], dtype: str, clock: Callable[[], float]
) -> Callable[[], float]:
    """Return what runs something once in a precision, and returns the seconds it took."""
    import torch

    def run() -> float:
        started = clock()
        try:
            with torch.inference_mode():
                computed()
        except RuntimeError:  # torch has no such kernel, or the device has no room
            return math.inf
        return clock() - started

    computed = make(dtype)
    return run


def _product(dtype: str, *, width: int, device: torch.device, packed: bool) -> Callable[[], object]:
    """Return what computes a product like a layer's widest."""
    import torch

    states = torch.ones(_TOKENS, width, dtype=getattr(torch, dtype), device=device)
    weights = torch.ones(4 * width, width, dtype=states.dtype, device=device)
    plain = functools.partial(torch.nn.functional.linear, weight=weights)
    product = linear_map(weights, None) if packed else plain

    def run() -> None:
        product(states)[0, 0].item()  # which waits for a GPU

    return run


def _clock(device: torch.device) -> Callable[[], float]:
    """Return the time of this thread alone, where a processor does the work and the system counts it finely."""
    fine = time.get_clock_info("thread_time").resolution < 1e-6
    return time.thread_time if device.type == "cpu" and fine else time.perf_counter
