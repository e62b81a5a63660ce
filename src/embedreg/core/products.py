"""Linear maps whose weights are laid out for the processor's kernels once, and not anew in every product.

That is oneDNN's layout, by the operators that torch.compile calls. On two cores with AVX-512 for bfloat16, in GFLOP/s of
`torch.nn.functional.linear` and of this, for weights of 1536 x 384:

    rows             4        16        64       200      1024
    bfloat16   147 270   412 598   743 886   915 998  977 1039
    float32     55 168   138 346   200 468   217 501   228 521

In bfloat16 results are the same to the last bit. torch's own products in float32 are MKL's, which has no AVX-512 for
processors of AMD; on one of Intel's, with AMX, they are as fast as this for 1024 rows and up to twice as fast for few, and
stay torch's own. oneDNN makes a kernel for each number of rows that it meets, and keeps the last thousand: in float32 that
takes some milliseconds, so rows are filled up to a multiple of 32, and a few rows to one of 8.
"""

from __future__ import annotations

import functools
import platform
from typing import TYPE_CHECKING, Any, Final

from embedreg.core.devices import processor_has

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import Tensor

    Product = Callable[[Tensor], Tensor]

_X86: Final = ("x86_64", "AMD64")
_TRIED: Final = (16, 48, 32)  # rows, outputs and inputs
_ROWS: Final = 32
_FEW_ROWS: Final = 8
_UNSUITED: Final = (AttributeError, RuntimeError, TypeError, ValueError)  # this torch has no such operators
_ROUNDING: Final = 8  # of a result in its precision, by which two right ways may differ


def linear_map(weight: Tensor, bias: Tensor | None) -> Product:
    """Return the map of weights (outputs, inputs) and a bias (outputs,), in their precision; for inference alone.

    Examples
    --------
    >>> import torch
    >>> double = linear_map(torch.eye(3) * 2, None)
    >>> with torch.inference_mode():
    ...     double(torch.ones(2, 3)).tolist()
    [[2.0, 2.0, 2.0], [2.0, 2.0, 2.0]]
    """
    import torch

    if weight.device.type == "cpu" and packs(weight.dtype):
        return packed_map(packed(weight), bias)
    return functools.partial(torch.nn.functional.linear, weight=weight, bias=bias)


@functools.cache
def packs(dtype: torch.dtype) -> bool:
    """Return whether `packed_map` works on this processor in this precision, gives what a plain product does, and is faster."""
    import torch

    if platform.machine() not in _X86 or (dtype == torch.float32 and processor_has("amx_tile")):
        return False
    states, weight, bias = _tried(dtype)
    with torch.inference_mode():
        try:
            found = packed_map(packed(weight), bias)(states)
        except _UNSUITED:
            return False
        wanted = torch.nn.functional.linear(states, weight, bias)
    return _is_alike(found, wanted)


def packed(weight: Tensor) -> Tensor:
    """Return weights (outputs, inputs) in the layout of kernels, which `to_dense` undoes."""
    import torch

    result: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight.detach().contiguous())
    return result


def packed_map(weight: Tensor, bias: Tensor | None) -> Product:
    """Return the map of weights from `packed`; it has no gradient."""
    import torch

    product: Any = torch.ops.mkldnn._linear_pointwise
    bias = None if bias is None else bias.detach()

    def linear(states: Tensor) -> Tensor:
        result: Tensor = product(states, weight, bias, "none", [], "")
        return result

    return _on_full_rows(linear)


def packed_gate(gate: tuple[Tensor, Tensor | None], up: tuple[Tensor, Tensor | None]) -> Product:
    """Return the map to silu(gate) times up (SwiGLU without its last layer: Shazeer, arXiv 2002.05202), in two products alone.

    Both are weights from `packed`, and a bias. The activation and the multiplication are done to what a product has just
    computed, which written out are two passes over memory. It has no gradient.
    """
    import torch

    product: Any = torch.ops.mkldnn._linear_pointwise

    def gated(states: Tensor) -> Tensor:
        opened = product(states, *gate, "swish", [], "")
        result: Tensor = product.binary(states, opened, *up, "mul")
        return result

    return _on_full_rows(gated)


@functools.cache
def gates(dtype: torch.dtype) -> bool:
    """Return whether `packed_gate` works on this processor in this precision, and gives what is written out."""
    import torch
    from torch.nn import functional

    if not packs(dtype):
        return False
    states, weight, bias = _tried(dtype)
    with torch.inference_mode():
        try:
            found = packed_gate((packed(weight), bias), (packed(-weight), None))(states)
        except _UNSUITED:
            return False
        wanted = functional.silu(functional.linear(states, weight, bias)) * functional.linear(states, -weight)
    return _is_alike(found, wanted)


def _on_full_rows(product: Product) -> Product:
    """Return a product of states (..., d) that fills them up to rows that its kernels are made for."""
    import torch

    @torch.no_grad()
    def filling(states: Tensor) -> Tensor:
        rows = states.numel() // max(1, states.shape[-1])
        full = full_rows(rows, states.dtype)
        if full == rows:
            return product(states)
        filled = states.new_zeros(full, states.shape[-1])
        filled[:rows] = states.reshape(rows, -1)
        found = product(filled)[:rows]
        return found.view(*states.shape[:-1], -1)

    return filling


def _tried(dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Return states, weights and a bias to try a way of multiplying with."""
    import torch

    rows, outputs, inputs = _TRIED
    line = functools.partial(torch.linspace, device="cpu")  # whatever the default is just now
    states = line(-1, 1, rows * inputs).sin().view(rows, inputs)
    weight = line(-9, 9, outputs * inputs).cos().view(outputs, inputs)
    return states.to(dtype), weight.to(dtype), line(-1, 1, outputs).to(dtype)


def _is_alike(found: Tensor, wanted: Tensor) -> bool:
    import torch

    error = float((found - wanted).abs().max() / wanted.abs().max())
    return error <= _ROUNDING * torch.finfo(wanted.dtype).eps


def full_rows(rows: int, dtype: torch.dtype) -> int:
    """Return how many rows a product by packed weights takes in place of so many; who gives it as many spares it a copy.

    Examples
    --------
    >>> import torch
    >>> full_rows(5, torch.float32), full_rows(33, torch.float32), full_rows(33, torch.bfloat16)
    (8, 64, 33)
    """
    import torch

    if dtype != torch.float32:  # whose kernels are made in no time
        return rows
    step = _ROWS if rows > _ROWS else _FEW_ROWS
    return -(-rows // step) * step
