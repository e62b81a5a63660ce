"""Weights of linear maps as tiles of AMX want them, for compiled products."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

_SIDE: Final = 32  # outputs and inputs whose weights stand together
_ROWS: Final = 16  # of a tile


def fits_tiles(weight: Tensor) -> bool:
    """Return whether weights are of widths that tiles fill, in bfloat16, on a processor."""
    suits = weight.dtype == torch.bfloat16 and weight.device.type == "cpu"
    return suits and not any(n % _SIDE for n in weight.shape)


def in_tiles(weight: Tensor) -> Tensor:
    """Return weights (outputs, inputs) as tiles want them: (outputs / 32, inputs / 32, 2, 16, 16, 2).

    A tile has 16 pairs of inputs of 16 outputs.
    """
    outputs, inputs = weight.shape
    parts = weight.detach().reshape(outputs // _SIDE, 2, _ROWS, inputs // _SIDE, _ROWS, 2)
    return parts.permute(0, 3, 1, 4, 2, 5).contiguous()


def from_tiles(tiles: Tensor) -> Tensor:
    """Return the weights (outputs, inputs) that `in_tiles` was given."""
    outputs, inputs = (n * _SIDE for n in tiles.shape[:2])
    return tiles.permute(0, 2, 4, 1, 3, 5).reshape(outputs, inputs)


def tried(*shape: int, seed: int) -> Tensor:
    """Return numbers to try a compiled product with, as great as make sums of about one."""
    numbers = torch.linspace(-9, 9 + seed, math.prod(shape), device="cpu").sin()
    return (numbers.view(shape) / math.sqrt(shape[-1])).to(torch.bfloat16)
