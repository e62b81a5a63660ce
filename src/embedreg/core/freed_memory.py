"""Memory that was freed and will be wanted again."""

from __future__ import annotations

import functools
from typing import Final

_PIECE: Final = 31 * 2**20  # bytes: a little less than the largest that glibc learns from


@functools.cache
def keep_freed_memory() -> None:
    """Let the C library keep some freed memory, up to 64 MiB for each thread, as a process does that freed a large array.

    glibc gives memory back to the system once more is free than twice the largest piece that it had mapped apart; a layer's
    arrays of some megabytes then come back page by page in each layer.
    Other C libraries do nothing of the kind.
    """
    import torch

    torch.empty(_PIECE, dtype=torch.uint8, device="cpu")
