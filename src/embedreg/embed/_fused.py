"""Parts of transformers' models in fewer passes over memory.

Written out, as transformers has them, a norm or an activation is five to eight passes, which take a GPU as long as the products
between them, and a processor whose products are fast a good part of the time. On a GPU each is one kernel instead.
"""

from __future__ import annotations

import functools
import inspect
import math
import types
from typing import TYPE_CHECKING, Any, Final

import torch
from torch.nn import functional

from embedreg.core.precision import tensor_float32
from embedreg.embed._steps import gelu, rms_norm, rotated, steps_suit
from embedreg.embed._trials import is_kept

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    Map = Callable[[Tensor], Tensor]

_ROTATION: Final = "apply_rotary_pos_emb"
_T5_IN_FLOAT32: Final = ".DenseReluDense.wo"
_TRIED_ROWS: Final = 4
_TRIED_WIDTH: Final = 64  # of what has no weights


@torch.inference_mode()
def use_fused(model: Any) -> int:
    """Let a model compute norms, activations and rotations of positions by fewer kernels, where these give the same.

    Each part is tried with a few numbers first, and the whole with a few tokens: a norm of the same form may mean something
    else, such as a weight that is counted from one. Where the whole gives something else, it stays as it was.

    Parameters
    ----------
    model
        Of transformers, on a processor or a CUDA GPU.

    Returns
    -------
    int
        How many parts were replaced.
    """
    parts: list[Any] = list(model.modules())
    found = {part: fused for part in parts if (fused := _replacement(part)) is not None}

    def fuse() -> None:
        for part, fused in found.items():
            part.forward = fused

    def restore() -> None:
        for part in found:
            del part.forward

    return len(found) if is_kept(model, fuse, restore) else 0


def use_half_precision(model: Any) -> None:
    """Let the layers that T5 keeps in float32 multiply in bfloat16 if the rest of the model does.

    It keeps them so for the range of float16, and so that what is summed up is not rounded: what comes out is float32 as before.

    Parameters
    ----------
    model
        Of transformers, its linear layers not yet packed.
    """
    if model.dtype != torch.bfloat16:
        return
    for name, part in _in_full_precision(model):
        if name.endswith(_T5_IN_FLOAT32):
            part.to(model.dtype)  # its input, too, is cast to the precision of its weights
            part.register_forward_hook(_in_float32)


def use_tensor_float32(model: Any) -> None:
    """Let the layers that a model in half precision keeps in float32 multiply in TF32, on a CUDA GPU."""
    if model.dtype not in (torch.bfloat16, torch.float16):
        return
    for _, part in _in_full_precision(model):
        product = functools.partial(_in_tf32, part.forward)
        part.forward = product  # type: ignore[method-assign]  # of this object alone; to mypy a method is its class's


def _in_full_precision(model: Any) -> list[tuple[str, torch.nn.Linear]]:
    layers = [(name, part) for name, part in model.named_modules() if isinstance(part, torch.nn.Linear)]
    return [(name, part) for name, part in layers if part.weight.dtype == torch.float32]


def _in_float32(_module: Any, _given: Any, found: Tensor) -> Tensor:
    return found.float()


def _in_tf32(forward: Map, hidden: Tensor) -> Tensor:
    with tensor_float32():
        return forward(hidden)


def _replacement(module: Any) -> Any:
    """Return a forward function that may do the same as a module's, or None."""
    if "forward" in vars(module):  # somebody else's
        return None
    fused = _fused(module)
    if fused is not None:
        return fused if _agree(module, fused) else None
    forward = _with_own_rotation(type(module).forward)
    return None if forward is None else types.MethodType(forward, module)


def _fused(module: Any) -> Map | None:
    """Return what may do the same as a module; None if there is nothing."""
    kind = type(module).__name__
    if len(inspect.signature(module.forward).parameters) != 1:  # a norm with a gate, say
        return None
    if "RMSNorm" in kind or kind == "T5LayerNorm":
        epsilon = getattr(module, "variance_epsilon", getattr(module, "eps", None))
        weight = getattr(module, "weight", None)
        return None if epsilon is None or weight is None else _rms_norm(weight, float(epsilon))
    return _gelu if kind in ("NewGELUActivation", "GELUTanh", "PytorchGELUTanh") else None


def _rms_norm(weight: Tensor, epsilon: float) -> Map:
    def norm(hidden: Tensor) -> Tensor:
        """Return it in the weight's precision, also where what is summed up is in float32."""
        if hidden.dtype == weight.dtype and steps_suit(hidden):
            return rms_norm(hidden, weight, epsilon)
        if hidden.device.type == "cpu":
            scaled = hidden * _scale(hidden, epsilon)
            return scaled.mul_(weight).to(weight.dtype)
        return functional.rms_norm(hidden, weight.shape, weight.to(hidden.dtype), epsilon).to(weight.dtype)

    return norm


def _scale(hidden: Tensor, epsilon: float) -> Tensor:
    """Return what brings vectors (..., d) to a root mean square of one, (..., 1), in one pass.

    torch's own norm takes as many passes on a processor as it does written out. In bfloat16 a vector's length, which is summed
    up in float32, is rounded as its numbers are.
    """
    wide = torch.float32 if hidden.dtype == torch.float16 else None  # in whose range a length may not be
    length: Tensor = torch.linalg.vector_norm(hidden, dim=-1, keepdim=True, dtype=wide)
    return length.float().square_().div_(hidden.shape[-1]).add_(epsilon).rsqrt_().to(hidden.dtype)


def _gelu(hidden: Tensor) -> Tensor:
    if steps_suit(hidden):
        return gelu(hidden.contiguous(), by_tanh=True)
    return functional.gelu(hidden, approximate="tanh")


def _with_own_rotation(forward: Any) -> Any:
    """Return an attention's forward function that rotates by `_rotate`; None if it does not rotate in that way.

    It has globals of its own: those of its module stay as they are, for whoever else uses it. What may be wrapped around
    it translates arguments of earlier releases, which models do not use among themselves; the whole is tried afterwards.
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
    if unsqueeze_dim == 1 and q.dtype == cos.dtype and q.shape[-1] == cos.shape[-1] and steps_suit(q):
        return rotated(q, cos, sin), rotated(k, cos, sin)
    return _rotated(q, cos, sin), _rotated(k, cos, sin)


def _rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Return x cos + (-second half, first half) sin, in four passes over a half each; written out it is ten.

    Where cos is narrower than x, what is beyond it stays as it is.
    """
    width = cos.shape[-1]
    found = torch.empty_like(x)
    found[..., width:] = x[..., width:]
    turned, given = found[..., :width], x[..., :width]
    halves = zip(
        *(part.chunk(2, dim=-1) for part in (turned, given, cos, sin)),
        (-1, 1),
        reversed(given.chunk(2, dim=-1)),
        strict=True,
    )
    for result, own, own_cos, own_sin, sign, other in halves:
        torch.mul(own, own_cos, out=result)
        result.addcmul_(other, own_sin, value=sign)
    return found


def _rotates_alike(rotate: Any) -> bool:
    """Return whether a function rotates all of its input, or as much as cos is wide, as `_rotate` does."""
    q = torch.linspace(-2, 2, 96).view(1, 2, 6, 8)
    k, angles = q[:, :1] + 1, q[0, :1]
    for width in (8, 4):
        cos, sin = angles[..., :width].cos(), angles[..., :width].sin()
        try:
            wanted = rotate(q, k, cos, sin)
        except (RuntimeError, TypeError, ValueError):
            if width == 8:  # else it wants cos as wide as its input, and gets it
                return False
            continue
        if not all(map(torch.allclose, _rotate(q, k, cos, sin), wanted)):
            return False
    return True


def _agree(module: Any, fused: Map) -> bool:
    weight = getattr(module, "weight", None)
    shape = (_TRIED_ROWS, _TRIED_WIDTH) if weight is None else (_TRIED_ROWS, *weight.shape)
    tried = torch.linspace(-3, 3, math.prod(shape)).view(shape)
    if weight is not None:
        tried = tried.to(weight.device, weight.dtype)
    try:
        wanted, found = module(tried), fused(tried)
    except (RuntimeError, TypeError, ValueError):
        return False
    rounding = torch.finfo(wanted.dtype).eps
    alike = found.dtype == wanted.dtype and found.shape == wanted.shape
    return alike and bool((found - wanted).abs().max() <= 4 * rounding * wanted.abs().max())
