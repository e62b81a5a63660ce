"""What to compute on: a processor, or a GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embedreg.core.errors import UsageError
from embedreg.core.lazy import uncollected

if TYPE_CHECKING:
    import torch


def find_device(name: str) -> torch.device:
    """Return a torch device that can be used on this machine; "auto" is cuda, else mps, else cpu.

    Raises
    ------
    UsageError
        If there is no such device.

    Examples
    --------
    >>> find_device("cpu")
    device(type='cpu')
    """
    with uncollected():
        import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    # AssertionError: a build without cuda, xpu or mtia. ImportError: hpu without its package. RuntimeError, also as
    # NotImplementedError: an unknown name or number, or a device that gives no answer.
    except (RuntimeError, AssertionError, ImportError) as error:
        raise UsageError(
            f"device {name!r}", expected="a device that torch can use on this machine", mend="device='auto'"
        ) from error
    return device


def on_processor(device: torch.device) -> bool:
    """Return whether a device is a processor, to which small pieces of work suit, and no GPU."""
    return device.type == "cpu"
