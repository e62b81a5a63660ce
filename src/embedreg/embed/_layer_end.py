"""What follows attention in a layer of BERT's families: its output's map and a perceptron, and after each the norm of a sum."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch.nn import functional

from embedreg.core.products import linear_map
from embedreg.embed._steps import add_norm, finish_layer, gelu_, is_alike, is_for_few, steps_suit, tiles_work
from embedreg.embed._tile_weights import fits_tiles, from_tiles, in_tiles, tried

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    Product = Callable[[Tensor], Tensor]
    Pair = tuple[Tensor, Tensor]  # weight and bias


class EndWeights(NamedTuple):
    """Weights (outputs, inputs) and biases (outputs,) of maps, and of norms (d,)."""

    output: Pair
    output_norm: Pair
    widening: Pair
    narrowing: Pair
    norm: Pair

    @property
    def maps(self) -> tuple[Pair, Pair, Pair]:
        """Those of linear maps."""
        return self.output, self.widening, self.narrowing

    @property
    def norms(self) -> tuple[Pair, Pair]:
        """Those of norms."""
        return self.output_norm, self.norm

    @property
    def suits_tiles(self) -> bool:
        """Whether compiled code takes them: all widths are multiples of 32, in bfloat16 on a processor."""
        return all(fits_tiles(weight) for weight, _ in self.maps)


def layer_end(weights: EndWeights, epsilon: float, product: Callable[[Tensor, Tensor], Product]) -> LayerEnd:
    """Return the end of a layer, as fast as can be here; `product` makes the linear maps of other ways than compiled code."""
    if product is linear_map and weights.suits_tiles and layer_ends_work():
        return EndByTiles(weights, epsilon)
    return EndByTorch(weights, epsilon, product)


class EndByTorch:
    """The end of a layer by torch's operators, and compiled steps between its products where they suit."""

    def __init__(
        self, weights: EndWeights, epsilon: float, product: Callable[[Tensor, Tensor], Product]
    ) -> None:
        self._output, self._widening, self._narrowing = (product(*pair) for pair in weights.maps)
        self._norms = weights.norms
        self._epsilon = epsilon

    def __call__(self, read: Tensor, to: Tensor) -> Tensor:
        """Return the layer's output (rows, d), given what attention read (rows, width) and the layer's input (rows, d)."""
        hidden = self._added(self._output(read), to, self._norms[0])
        wide = self._widening(hidden)
        # in place: memory for another would take as long again
        wide = gelu_(wide) if steps_suit(wide) else torch.ops.aten.gelu_(wide)
        return self._added(self._narrowing(wide), hidden, self._norms[1])

    def _added(self, read: Tensor, to: Tensor, norm: Pair) -> Tensor:
        """Return the norm of a sum, whose first part is lost."""
        if steps_suit(read):
            return add_norm(read, to, norm, self._epsilon)
        return functional.layer_norm(read.add_(to), to.shape[-1:], *norm, self._epsilon)


class EndByTiles:
    """The end of a layer in one call of compiled code, by AMX; by torch where more than two threads share a batch.

    Weights are kept as tiles want them, and no other copy until torch needs one.
    """

    def __init__(self, weights: EndWeights, epsilon: float) -> None:
        self._tiles = [in_tiles(weight) for weight, _ in weights.maps]
        self._biases = [bias for _, bias in weights.maps]
        self._norms = weights.norms
        output, widening, narrowing = self._biases
        vectors = (output, *weights.output_norm, widening, narrowing, *weights.norm)
        self._vectors = torch.cat(vectors).float()
        self._epsilon = epsilon

    def __call__(self, read: Tensor, to: Tensor) -> Tensor:
        """Return the layer's output (rows, d), given what attention read (rows, width), which is lost, and the layer's input."""
        if is_for_few(read):
            return self.by_tiles(read.contiguous(), to.contiguous())
        return self._by_torch(read, to)

    def by_tiles(self, read: Tensor, to: Tensor) -> Tensor:
        """Return the same, however many threads there are."""
        return finish_layer(read, to, self._tiles, self._vectors, self._epsilon)

    @functools.cached_property
    def _by_torch(self) -> EndByTorch:
        output, widening, narrowing = zip(map(from_tiles, self._tiles), self._biases, strict=True)
        weights = EndWeights(output, self._norms[0], widening, narrowing, self._norms[1])
        return EndByTorch(weights, self._epsilon, linear_map)


LayerEnd = EndByTorch | EndByTiles


@functools.cache
def layer_ends_work() -> bool:
    """Return whether `EndByTiles` works on this processor, and gives what torch gives in float32."""
    if not tiles_work():
        return False
    maps = ((64, 32), (64, 1), (96, 64), (64, 96), (64, 1))
    pairs = [(tried(*shape, seed=i).squeeze(1), tried(shape[0], seed=i + 1)) for i, shape in enumerate(maps)]
    wide = [(weight.float(), bias.float()) for weight, bias in pairs]
    read, to = tried(37, 32, seed=2), tried(37, 64, seed=3)
    with torch.inference_mode():
        wanted = EndByTorch(EndWeights(*wide), 1e-12, linear_map)(read.float(), to.float())
        return is_alike(EndByTiles(EndWeights(*pairs), 1e-12).by_tiles(read, to), wanted)
