"""What to compute on: a processor, or a GPU."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from embedreg.core.errors import UsageError
from embedreg.core.lazy import uncollected
from embedreg.core.threads import one_torch_thread_after_fork

if TYPE_CHECKING:
    import torch

_COMMON: Final = re.compile(r"auto|(cpu|cuda|mps)(:(0|[1-9][0-9]{0,2}))?")


def check_device_name(name: str) -> None:
    """Refuse a name that torch cannot mean. Torch, whose import takes seconds, is asked about uncommon ones alone.

    Raises
    ------
    UsageError
        If there is no such kind of device. Whether one is on this machine is for `find_device` to say.

    Examples
    --------
    >>> check_device_name("cuda:1")
    """
    if _COMMON.fullmatch(name):
        return
    with uncollected():
        import torch

    try:
        torch.device(name)
    except RuntimeError as error:
        raise UsageError(
            f"device {name!r}",
            expected="auto, or a name of torch such as cpu, cuda, cuda:1 or mps",
            mend="choose one of those",
        ) from error


def find_device(name: str) -> torch.device:
    """Return a torch device that can be used on this machine; "auto" is cuda, else mps, else cpu.

    Who asks will use it: processes that are forked afterwards take one thread of torch's, so that they do not hang.

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
    # NotImplementedError: an unknown name or number, or a device that gives no answer. TypeError: what is no text.
    except (RuntimeError, AssertionError, ImportError, TypeError) as error:
        raise UsageError(
            f"device {name!r}", expected="a device that torch can use on this machine", mend="device='auto'"
        ) from error
    one_torch_thread_after_fork()
    return device


def on_processor(device: torch.device) -> bool:
    """Return whether a device is a processor, to which small pieces of work suit, and no GPU."""
    return device.type == "cpu"


def processor_has(instructions: str) -> bool:
    """Return whether torch knows that this processor has such instructions; older releases of it do not say.

    Parameters
    ----------
    instructions
        As `torch.cpu.get_capabilities` calls them.

    Examples
    --------
    >>> processor_has("no_such_instructions")
    False
    """
    import torch

    known: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(known.get(instructions))
