"""Arrays on their way to a device and back, which a GPU carries while it computes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import Tensor


def sent(array: NDArray[Any], device: torch.device) -> Tensor:
    """Return an array on a device. A GPU gets it in its turn: nobody waits for what it has to compute before.

    Examples
    --------
    >>> import numpy as np, torch
    >>> sent(np.arange(3), torch.device("cpu")).tolist()
    [0, 1, 2]
    """
    import torch

    tensor = torch.from_numpy(array)
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


class Fetched:
    """A tensor that is on its way from its device; whatever else the device is given meanwhile does not delay it.

    Examples
    --------
    >>> import torch
    >>> Fetched(torch.ones(2)).array().tolist()
    [1.0, 1.0]
    """

    def __init__(self, tensor: Tensor) -> None:
        import torch

        self._done: torch.cuda.Event | None = None
        if tensor.device.type == "cuda":
            self._tensor = tensor.to("cpu", non_blocking=True)  # into pinned memory
            self._done = torch.cuda.current_stream(tensor.device).record_event()
        else:
            self._tensor = tensor.cpu()

    def array(self) -> NDArray[Any]:
        """Wait for it, and return it."""
        if self._done is not None:
            self._done.synchronize()
        array: NDArray[Any] = self._tensor.numpy()
        return array
