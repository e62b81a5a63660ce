"""From a network's hidden states to a text's vector: which layers, pooled how. Several can be taken from one pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from embedreg.embed._layers import Layers
    from embedreg.embed._pooling import Pooling


@dataclass(frozen=True)
class ReadOut:
    """What an embedder takes from a forward pass.

    Attributes
    ----------
    layers
        Whose states are pooled.
    pooling
        Over tokens.
    normalised
        Whether vectors are brought to length 1.
    """

    layers: Layers
    pooling: Pooling
    normalised: bool = False

    def over_window(self, states: Mapping[int, Tensor], mask: Tensor) -> Tensor:
        """Return what the pooling takes from each of b windows, shape (b, d) or (b, k, d).

        Parameters
        ----------
        states
            In float32, of shape (b, t, d), by their position; those of other layers may be among them.
        mask
            Shape (b, t): 1 for real tokens, 0 for padding on the right.
        """
        import torch

        chosen = [states[index] for index in self.layers.indices]
        if self.layers.average:
            chosen = [torch.stack(chosen).mean(dim=0)]
        return torch.cat([self.pooling.over_window(state, mask) for state in chosen], dim=-1)

    def finished(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the vectors (n, d) of whole texts, at length 1 if so chosen."""
        if not self.normalised:
            return vectors
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(lengths, np.finfo(np.float32).tiny), dtype=np.float32)
