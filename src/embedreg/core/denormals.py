"""Numbers too small for a full mantissa, which a processor may take a hundred times as long for."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_DENORMAL: Final = 2.0**-130  # of float32, whose least number with a full mantissa is 2**-126


@contextlib.contextmanager
def denormals_flushed() -> Iterator[None]:
    """Have this thread's processor take denormal numbers for zero within this, where it can.

    The moments of a weight that has no gradient any more, as those of a unit that ReLU has switched off, shrink at every step
    of an optimiser until they are such numbers, and stay there: rounded, nine tenths of the least number is that number. Weights
    are changed by moments that are 1e30 times as large. Threads that begin within this may begin with the same setting.

    Examples
    --------
    >>> import torch
    >>> little = torch.tensor(2.0**-130)
    >>> with denormals_flushed():
    ...     within = float(little * 0.5)
    >>> within in (0.0, 2.0**-131), float(little * 0.5) == 2.0**-131
    (True, True)
    """
    import torch

    before = float(torch.tensor(_DENORMAL, device="cpu") * 0.5) == 0  # torch has no way to ask
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)
