"""What is added to scores of attention by how far a key is from the query."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

_FARTHEST: Final = 128  # keys, from which on all are as far
_MARGIN: Final = 32  # numbers that compiled code reads beyond those it needs
_LOG2_E: Final = math.log2(math.e)


class Powers(NamedTuple):
    """A bias as compiled code wants it: in powers of two, and in float32.

    Attributes
    ----------
    table
        Shape (h, width).
    middle
        Where in a row the key at the query's own place is; those behind it follow.
    most
        The greatest of all, whatever its sign.
    """

    table: Tensor
    middle: int
    most: float


class DistanceBias:
    """A bias of T5's kind (Raffel et al., arXiv 1910.10683; MPNet's: Song et al., arXiv 2004.09297).

    What is made of it for texts of so many tokens is kept, as all layers of a batch want the same.

    Parameters
    ----------
    distances
        What each kind of distance adds in each head, shape (kinds, h): half of them of keys that come later; near ones each of
        their own, far ones by the logarithm.

    Examples
    --------
    >>> bias = DistanceBias(torch.arange(8.0)[:, None])
    >>> bias.between(3)[0, 0].tolist()
    [[0.0, 5.0, 6.0], [1.0, 0.0, 5.0], [2.0, 1.0, 0.0]]
    """

    def __init__(self, distances: Tensor) -> None:
        self._distances = distances
        self._between: dict[int, Tensor] = {}
        self._powers: dict[int, Powers] = {}

    def between(self, tokens: int) -> Tensor:
        """Return what is added to the scores of so many queries and keys, (1, h, t, t)."""
        if tokens not in self._between:
            by_distance = self._by_distance(tokens)  # of the first query the last t
            self._between[tokens] = by_distance.unfold(1, tokens, 1).flip(1)[None]
        return self._between[tokens]

    def powers(self, tokens: int) -> Powers:
        """Return it for texts of so many tokens at most."""
        if tokens not in self._powers:
            table = self._by_distance(tokens).float() * _LOG2_E
            padded = functional.pad(table, (_MARGIN, _MARGIN)).contiguous()
            self._powers[tokens] = Powers(padded, _MARGIN + tokens - 1, float(table.abs().max()))
        return self._powers[tokens]

    def _by_distance(self, tokens: int) -> Tensor:
        """Return what is added for a key 1 - t, ..., t - 1 places after the query, (h, 2 t - 1)."""
        apart = torch.arange(1 - tokens, tokens, device=self._distances.device)  # from a query to a key
        half = len(self._distances) // 2
        near = half // 2
        far = near + (
            torch.log(apart.abs().clamp(min=1).float() / near) / math.log(_FARTHEST / near) * (half - near)
        ).long().clamp(max=half - 1 - near)
        kinds = torch.where(apart.abs() < near, apart.abs(), far) + half * (apart > 0)
        return self._distances[kinds].T.contiguous()
