"""Linear layers of transformers' models by `embedreg.core.products`, and perceptrons by compiled code, for processors."""

from __future__ import annotations

import inspect
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import torch

from embedreg.core.products import gates, packed, packed_gate, packed_map, packs
from embedreg.embed._tile_gate import TiledGate, may_tile
from embedreg.embed._trials import is_kept

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


_GATED: Final = ("gate_proj", "up_proj", "down_proj", "act_fn")
_SILU: Final = ("SiLU", "SiLUActivation")


@torch.inference_mode()
def use_packed(model: Any) -> int:
    """Let a model's linear layers multiply by weights in the layout of the processor's kernels.

    Perceptrons with a gate are compiled code's whole, with weights in tiles, where they suit; others multiply by it within the
    products. Layers hold no other weights; where those were mapped from a
    file, these are memory of the process's own. The model is tried with a few tokens, before and after: what reads a layer's
    weights in a way of its own cannot read these, and such a model stays as it was.

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
    gated = [part for part in model.modules() if _may_gate(part, layers)]
    tiled = _tiled(gated, layers)
    in_tiles = {id(layer) for part in tiled for layer in _maps(part)}
    others = [layer for layer in layers if id(layer) not in in_tiles]

    def pack() -> None:
        _change_weights(others, packed)
        for layer in others:
            layer.forward = packed_map(layer.weight, layer.bias)
        for part in gated:
            part.forward = TiledGate(*_maps(part)) if part in tiled else _gated(part)

    def restore() -> None:
        for part in tiled:
            part.forward.restore()
        _change_weights(others, torch.Tensor.to_dense)
        for part in (*others, *gated):
            del part.forward

    return len(layers) if is_kept(model, pack, restore) else 0


def _maps(part: Any) -> tuple[Any, Any, Any]:
    return part.gate_proj, part.up_proj, part.down_proj


def _tiled(gated: list[Any], layers: list[Any]) -> list[Any]:
    """Return the perceptrons with a gate that compiled code takes whole: they share no weights with other layers."""
    owners = Counter(id(layer.weight) for layer in layers)
    alone = {id(layer) for layer in layers if owners[id(layer.weight)] == 1}
    return [
        part for part in gated if all(id(layer) in alone for layer in _maps(part)) and may_tile(*_maps(part))
    ]


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


def _may_gate(part: Any, layers: list[Any]) -> bool:
    """Return whether a part has the form of a perceptron with a gate and SiLU, of layers that are to be packed."""
    if "forward" in vars(part) or not all(hasattr(part, name) for name in _GATED):
        return False
    of_own = {id(layer) for layer in layers}
    inner = (part.gate_proj, part.up_proj)
    return (
        all(id(layer) in of_own and gates(layer.weight.dtype) for layer in inner)
        and type(part.act_fn).__name__ in _SILU
        and len(inspect.signature(part.forward).parameters) == 1
    )


def _gated(part: Any) -> Callable[[Tensor], Tensor]:
    gate, up, down = _maps(part)
    opened = packed_gate((gate.weight, gate.bias), (up.weight, up.bias))

    def forward(states: Tensor) -> Tensor:
        result: Tensor = down(opened(states))
        return result

    return forward
