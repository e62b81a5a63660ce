"""Linear layers of transformers' models by `embedreg.core.products`, for processors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from embedreg.core.products import packed, packed_map, packs
from embedreg.embed._trials import is_kept

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


@torch.inference_mode()
def use_packed(model: Any) -> int:
    """Let a model's linear layers multiply by weights in the layout of the processor's kernels.

    They hold no others; where those were mapped from a file, these are memory of the process's own. The model is tried with a
    few tokens, before and after: what reads a layer's weights in a way of its own cannot read these, and such a model stays as
    it was.

    Parameters
    ----------
    model
        Of transformers, on a processor.

    Returns
    -------
    int
        How many layers were changed.
    """
    layers: list[Any] = [part for part in model.modules() if _may_pack(part)]
    if not layers:
        return 0

    def pack() -> None:
        _change_weights(layers, packed)
        for layer in layers:
            layer.forward = packed_map(layer.weight, layer.bias)

    def restore() -> None:
        _change_weights(layers, torch.Tensor.to_dense)
        for layer in layers:
            del layer.forward

    return len(layers) if is_kept(model, pack, restore) else 0


def _change_weights(layers: list[Any], change: Callable[[Tensor], Tensor]) -> None:
    """Put changed weights in the place of the layers' own; what layers share they share afterwards."""
    sharing: dict[int, list[Any]] = {}
    for layer in layers:
        sharing.setdefault(id(layer.weight), []).append(layer)
    for together in sharing.values():
        changed = torch.nn.Parameter(change(together[0].weight), requires_grad=False)
        for layer in together:
            layer.weight = changed


def _may_pack(part: Any) -> bool:
    """Return whether a part is a plain linear layer, which nobody else has changed."""
    return type(part) is torch.nn.Linear and "forward" not in vars(part) and packs(part.weight.dtype)
