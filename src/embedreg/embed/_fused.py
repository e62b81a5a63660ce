"""Parts of transformers' models as one kernel each, for GPUs.

Written out, as transformers has them, a norm or an activation is five to eight passes over memory, which take a GPU as long
as the products between them.
"""

from __future__ import annotations

import functools
import inspect
import types
from typing import TYPE_CHECKING, Any, Final

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    Map = Callable[[Tensor], Tensor]

_ROTATION: Final = "apply_rotary_pos_emb"
_TRIED_ROWS: Final = 4
_TRIED_WIDTH: Final = 64  # of what has no weights


def use_fused(model: Any) -> int:
    """Let a model compute norms, activations and rotations of positions by fewer kernels, where these give the same.

    Returns how many parts do.

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
        elif (forward := _with_own_rotation(type(module).forward)) is not None:
            module.forward = types.MethodType(forward, module)
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


@functools.cache
def _with_own_rotation(forward: Any) -> Any:
    """Return an attention's forward function that rotates by `_rotate`; None if it does not rotate in that way.

    It has globals of its own: those of its module stay as they are, for whoever else uses it. What may be wrapped around
    it translates arguments of earlier releases, which models do not use among themselves.
    """
    forward = inspect.unwrap(forward)
    code = getattr(forward, "__code__", None)
    rotate = getattr(forward, "__globals__", {}).get(_ROTATION)
    if code is None or rotate is None or _ROTATION not in code.co_names or not _rotates_alike(rotate):
        return None
    own = types.FunctionType(
        code,
        {**forward.__globals__, _ROTATION: _rotate},
        forward.__name__,
        forward.__defaults__,
        forward.__closure__,
    )
    own.__kwdefaults__ = forward.__kwdefaults__
    return own


def _rotate(q: Tensor, k: Tensor, cos: Tensor, sin: Tensor, unsqueeze_dim: int = 1) -> tuple[Tensor, Tensor]:
    """Return queries and keys turned by their positions (rotary embeddings, Su et al., arXiv 2104.09864)."""
    cos, sin = cos.unsqueeze(unsqueeze_dim), sin.unsqueeze(unsqueeze_dim)
    return _rotated(q, cos, sin), _rotated(k, cos, sin)


def _rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Return x cos + (-second half, first half) sin, in four passes over a half each; written out it is ten."""
    found = torch.empty_like(x)
    halves = zip(
        *(part.chunk(2, dim=-1) for part in (found, x, cos, sin)),
        (-1, 1),
        reversed(x.chunk(2, dim=-1)),
        strict=True,
    )
    for result, own, own_cos, own_sin, sign, other in halves:
        torch.mul(own, own_cos, out=result)
        result.addcmul_(other, own_sin, value=sign)
    return found


@torch.no_grad()
def _rotates_alike(rotate: Any) -> bool:
    q = torch.linspace(-2, 2, 96).view(1, 2, 6, 8)
    k, cos, sin = q[:, :1] + 1, q[0, :1].cos(), q[0, :1].sin()
    try:
        wanted, found = rotate(q, k, cos, sin), _rotate(q, k, cos, sin)
        return all(map(torch.allclose, found, wanted))
    except (RuntimeError, TypeError, ValueError):  # it takes something else
        return False


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
