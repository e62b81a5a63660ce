"""Which precision is fastest here: measured once for each machine and architecture, and remembered."""

from __future__ import annotations

import contextlib
import json
import platform
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from embedreg.core.errors import OutputError, UsageError
from embedreg.core.files import output_errors, whole_file
from embedreg.core.paths import cache_root

if TYPE_CHECKING:
    import torch

    from embedreg.embed._load_model import Network
    from embedreg.embed._model_directory import ModelDirectory

_FILE: Final = "precision.json"
_LEAST_SPEEDUP: Final = 1.2
_WINDOWS: Final = 4
_TOKENS: Final = 128
_RUNS: Final = 3


def check_precision(dtype: str, device: str) -> None:
    """Refuse a precision that a kind of device is slow and inexact in.

    Raises
    ------
    UsageError
        If it is float16 on a CPU.

    Examples
    --------
    >>> check_precision("bfloat16", "cpu")
    """
    if dtype == "float16" and device == "cpu":
        raise UsageError(
            "dtype 'float16' on a CPU", expected="a GPU", mend="use dtype='float32', 'bfloat16' or 'auto'"
        )


def fastest_dtype(directory: ModelDirectory, device: str) -> str:
    """Return "bfloat16" if it was measured to be 1.2 times as fast as float32 or more, else "float32".

    Measured with random weights of the same architecture, and remembered in `precision.json` in the cache
    folder; remove that file to measure again.

    Parameters
    ----------
    directory
        Of the model.
    device
        As for `TransformerEmbedder`.
    """
    from embedreg.embed._load_model import find_device, make_network

    place = find_device(device)
    key = f"{_processor(place)}: {directory.architecture}"
    known = _known()
    if key not in known:
        import torch

        tokens = min(_TOKENS, directory.window())
        slow, fast = (
            _seconds(make_network(directory, dtype, place, 0), directory.layers, tokens, place)
            for dtype in (torch.float32, torch.bfloat16)
        )
        speedup = slow / fast
        known[key] = {"dtype": "bfloat16" if speedup >= _LEAST_SPEEDUP else "float32", "speedup": speedup}
        _remember(known)
    return str(known[key]["dtype"])


def _seconds(network: Network, layers: int, tokens: int, device: torch.device) -> float:
    """Return the least time of a few runs over one batch; infinity where the precision does not work."""
    import torch

    ids = torch.arange(_WINDOWS * tokens, device=device).reshape(_WINDOWS, tokens) % len(network.vocabulary)
    mask = torch.ones_like(ids)
    times = []
    for _ in range(_RUNS + 1):  # the first one warms up
        start = time.perf_counter()
        try:
            with torch.inference_mode():
                network.states(ids, mask, (layers,))[0].sum().item()  # which waits for a GPU
        except RuntimeError:  # torch has no such kernel, or the device has no room
            return float("inf")
        times.append(time.perf_counter() - start)
    return min(times[1:])


def _processor(device: torch.device) -> str:
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):  # Linux says more here
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    return f"{device.type} {name}, torch {torch.__version__}"


def _known() -> dict[str, dict[str, Any]]:
    try:
        known = json.loads((cache_root() / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {key: value for key, value in known.items() if isinstance(value, dict) and "dtype" in value}


def _remember(known: dict[str, dict[str, Any]]) -> None:
    """Write the file; a cache that cannot be written costs a measurement each time, and no more."""
    path = cache_root() / _FILE
    with contextlib.suppress(OutputError), output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as temporary:
            temporary.write_text(json.dumps(known, indent=1), encoding="utf-8")
