"""torch's library, mapped into the process while other packages are imported."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import sys
import threading
from pathlib import Path
from typing import Final

_LIBRARY: Final = Path("lib", "libtorch_cpu.so")  # nearly all of torch; the names of other systems are others


def map_torch_library() -> threading.Thread | None:
    """Begin to map torch's library on a thread of its own, for an `import torch` that is to come later.

    It is the part of that import for which other imports need not wait, since no Python runs in it.

    Returns
    -------
    Thread
        At work; the process does not end before it does. None where torch is there already, or has no such library.

    Examples
    --------
    >>> mapping = map_torch_library()
    >>> import torch
    """
    if "torch" in sys.modules:
        return None
    found = importlib.util.find_spec("torch")
    library = Path(found.origin).parent / _LIBRARY if found and found.origin else None
    if library is None or not library.is_file():
        return None
    thread = threading.Thread(target=_map, args=(library,), name="embedreg-torch-library")
    thread.start()
    return thread


def _map(library: Path) -> None:
    with contextlib.suppress(OSError):  # which `import torch` will explain
        ctypes.CDLL(str(library))
