"""Tensors from files of weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from torch import Tensor


def read_tensors(files: Sequence[Path], wanted: Callable[[str], bool]) -> dict[str, Tensor]:
    """Return the wanted tensors of safetensors files by name, mapped from the files; others are not read.

    Raises
    ------
    safetensors.SafetensorError
        If a file is damaged.
    """
    from safetensors import safe_open

    tensors: dict[str, Tensor] = {}
    for file in files:
        with safe_open(file, framework="pt") as opened:
            names = opened.keys()
            tensors |= {name: opened.get_tensor(name) for name in names if wanted(name)}
    return tensors
