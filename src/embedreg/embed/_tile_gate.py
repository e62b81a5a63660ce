"""Perceptrons with a gate (SwiGLU: Shazeer, arXiv 2002.05202) of transformers' models, in one call of compiled code by AMX."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from embedreg.core.products import packed, packed_gate, packed_map
from embedreg.embed._steps import gated, is_alike, is_for_few, tiles_work
from embedreg.embed._tile_weights import fits_tiles, from_tiles, in_tiles, tried

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor


def may_tile(gate: Any, up: Any, down: Any) -> bool:
    """Return whether `TiledGate` takes these linear layers."""
    layers = gate, up, down
    return all(layer.bias is None and fits_tiles(layer.weight) for layer in layers) and tile_gates_work()


class TiledGate:
    """The map to down(silu(gate) times up), of three linear layers without biases; it has no gradient.

    Weights are kept as tiles want them, in the layers too, which hold no others and are not to be called. Where more than two
    threads share a batch torch multiplies, by a copy that is made when it is needed first.

    Parameters
    ----------
    gate, up, down
        Layers that `may_tile`.
    """

    def __init__(self, gate: Any, up: Any, down: Any) -> None:
        self._layers = gate, up, down
        self._widening = torch.stack([in_tiles(gate.weight), in_tiles(up.weight)], dim=1)
        self._narrowing = in_tiles(down.weight)
        self._put(self._widening[:, 0], self._widening[:, 1], self._narrowing)

    def __call__(self, states: Tensor) -> Tensor:
        """Return what the perceptron gives for states (..., d)."""
        return self.by_tiles(states) if is_for_few(states) else self._by_torch(states)

    def by_tiles(self, states: Tensor) -> Tensor:
        """Return the same, however many threads there are."""
        return gated(states.contiguous(), self._widening, self._narrowing)

    def restore(self) -> None:
        """Give the layers the weights they had."""
        self._put(*(from_tiles(layer.weight) for layer in self._layers))

    def _put(self, *weights: Tensor) -> None:
        for layer, weight in zip(self._layers, weights, strict=True):
            layer.weight = torch.nn.Parameter(weight, requires_grad=False)

    @functools.cached_property
    def _by_torch(self) -> Callable[[Tensor], Tensor]:
        gate, up, down = (packed(from_tiles(layer.weight)) for layer in self._layers)
        opened, narrowed = packed_gate((gate, None), (up, None)), packed_map(down, None)
        return lambda states: narrowed(opened(states))


@functools.cache
def tile_gates_work() -> bool:
    """Return whether `TiledGate` works on this processor, and gives what torch gives in float32."""
    if not tiles_work():
        return False
    gate, up, down = tried(64, 32, seed=1) * 4, tried(64, 32, seed=2), tried(32, 64, seed=3)
    states = tried(37, 32, seed=4) * 4
    layers = [_Layer(weight) for weight in (gate, up, down)]
    with torch.inference_mode():
        wanted = _written_out(states.float(), [weight.float() for weight in (gate, up, down)])
        return is_alike(TiledGate(*layers).by_tiles(states), wanted)


class _Layer:
    def __init__(self, weight: Tensor) -> None:
        self.weight, self.bias = weight, None


def _written_out(states: Tensor, weights: Sequence[Tensor]) -> Tensor:
    gate, up, down = weights
    opened = functional.silu(functional.linear(states, gate))
    return functional.linear(opened * functional.linear(states, up), down)
