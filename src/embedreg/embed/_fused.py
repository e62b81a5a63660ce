"""Parts of transformers' models as one kernel each, for GPUs.

Written out, as transformers has them, a norm or an activation is five to eight passes over memory, which take a GPU as long
as the products between them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    Map = Callable[[Tensor], Tensor]

_TRIED_ROWS: Final = 4
_TRIED_WIDTH: Final = 64  # of what has no weights


def use_fused(model: Any) -> int:
    """Let a model compute its norms and activations by torch's fused kernels, where these give the same, and count them.

    Each is tried with a few numbers first: a norm of the same form may mean something else, such as a weight that is
    counted from one.

    Parameters
    ----------
    model
        Of transformers, on its device.
    """
    replaced = 0
    for module in model.modules():
        fused = _fused(module)
        if fused is not None and _agree(module, fused):
            module.forward = fused
            replaced += 1
    return replaced


def _fused(module: Any) -> Map | None:
    """Return what may do the same as a module; None if there is nothing."""
    kind = type(module).__name__
    if "RMSNorm" in kind or kind == "T5LayerNorm":
        epsilon = getattr(module, "variance_epsilon", getattr(module, "eps", None))
        weight = getattr(module, "weight", None)
        return None if epsilon is None or weight is None else _rms_norm(weight, float(epsilon))
    return _gelu if kind in ("NewGELUActivation", "GELUTanh", "PytorchGELUTanh") else None


def _rms_norm(weight: Tensor, epsilon: float) -> Map:
    def norm(
        hidden: Tensor,
    ) -> Tensor:  # in the weight's precision, also where what is summed up is in float32
        return functional.rms_norm(hidden, weight.shape, weight.to(hidden.dtype), epsilon).to(weight.dtype)

    return norm


def _gelu(hidden: Tensor) -> Tensor:
    return functional.gelu(hidden, approximate="tanh")


@torch.no_grad()
def _agree(module: Any, fused: Map) -> bool:
    weight = getattr(module, "weight", None)
    shape = (_TRIED_ROWS, _TRIED_WIDTH) if weight is None else (_TRIED_ROWS, *weight.shape)
    tried = torch.linspace(-3, 3, shape[0] * shape[1]).view(shape)
    if weight is not None:
        tried = tried.to(weight.device, weight.dtype)
    try:
        wanted, found = module(tried), fused(tried)
    except (RuntimeError, TypeError):  # it wants more than one tensor
        return False
    rounding = torch.finfo(wanted.dtype).eps
    alike = found.dtype == wanted.dtype and found.shape == wanted.shape
    return alike and bool((found - wanted).abs().max() <= 4 * rounding * wanted.abs().max())
