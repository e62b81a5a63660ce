"""Products of matrices in 8-bit integers: weights rounded once, by output; inputs rounded at each call, all together."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Final

import torch

from embedreg.core.devices import processor_has
from embedreg.core.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

_GREATEST: Final = 127
_INSTRUCTIONS: Final = (
    "avx512_vnni",
    "avx_vnni",
)  # without them torch's sums overflow 16 bits, or its inputs have 7


def check_int8() -> None:
    """Refuse where torch has no fast and exact products of 8-bit integers.

    Raises
    ------
    UsageError
        If this is no x86 processor with VNNI, or torch has such products no more.
    """
    if not hasattr(torch, "quantize_per_channel"):
        raise UsageError(
            f"dtype 'int8' with torch {torch.__version__}",
            expected="torch 2.13 or older",
            mend="use dtype='auto'",
        )
    if not any(map(processor_has, _INSTRUCTIONS)):
        raise UsageError(
            "dtype 'int8' on this processor", expected="an x86 processor with VNNI", mend="use dtype='auto'"
        )


class Int8Linear(torch.nn.Module):
    """A linear layer in 8-bit integers; what goes in and comes out is float32.

    Parameters
    ----------
    weight, bias
        Shapes (outputs, inputs) and (outputs,), float32; no bias is None.
    """

    weight = None  # T5 asks for its precision, if it has one

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        scales = weight.abs().amax(dim=1).double().clamp_min(torch.finfo(weight.dtype).tiny) / _GREATEST
        zeros = torch.zeros(len(weight), dtype=torch.long)
        with (
            warnings.catch_warnings()
        ):  # that a later torch will not have these tensors: `check_int8` will say so then
            warnings.filterwarnings(
                "ignore", message=".*quantized tensor creation functions", category=UserWarning
            )
            rounded = torch.quantize_per_channel(weight.contiguous(), scales, zeros, 0, torch.qint8)
        self._packed = torch.ops.quantized.linear_prepack(rounded, bias)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return inputs @ weight.T + bias, shape (..., outputs)."""
        product: Tensor = torch.ops.quantized.linear_dynamic(inputs, self._packed, reduce_range=False)
        return product


def use_int8(model: Any) -> None:
    """Put `Int8Linear` in the place of a model's linear layers.

    Raises
    ------
    UsageError
        If it has none that are torch's own.
    """
    found = [
        (parent, name, child)
        for parent in model.modules()
        for name, child in parent.named_children()
        if type(child) is torch.nn.Linear
    ]
    if not found:
        raise UsageError(
            f"dtype 'int8' for a {type(model).__name__}",
            expected="a model with layers of torch.nn.Linear",
            mend="use dtype='auto'",
        )
    for parent, name, child in found:
        setattr(parent, name, Int8Linear(child.weight.detach(), child.bias))
