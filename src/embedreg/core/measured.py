"""What was measured of this machine once, kept in the cache folder."""

from __future__ import annotations

import contextlib
import functools
import json
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedreg.core.errors import OutputError
from embedreg.core.files import output_errors, whole_file
from embedreg.core.paths import cache_root

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import torch


@functools.cache
def machine_name(device: torch.device) -> str:
    """Return what tells machines apart on which something is as fast: the processor or GPU, and torch's release."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):  # Linux says more here
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    return f"{device.type} {name}, torch {torch.__version__}"


def measured(file: str, wanted: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return what a file of the cache folder holds, by what was measured; what lacks a name that is wanted is left out."""
    try:
        known = json.loads((cache_root() / file).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {
        key: value for key, value in known.items() if isinstance(value, dict) and value.keys() >= set(wanted)
    }


def keep_measured(file: str, known: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the file; a cache that cannot be written costs a measurement each time, and no more."""
    path = cache_root() / file
    with contextlib.suppress(OutputError), output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as temporary:
            temporary.write_text(json.dumps(known, indent=1), encoding="utf-8")
