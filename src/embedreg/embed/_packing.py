"""Texts of a batch one after the other, without padding, for GPUs that attend within each (variable-length attention).

Short texts of unlike lengths then fill a batch, where padding them would waste it or leave it small.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from embedreg.core.transfers import sent
from embedreg.embed._attention import attention

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

_TRIED: Final = (24, 7, 16)  # tokens of the texts that a network is tried with


@dataclass(frozen=True, eq=False)
class Packing:
    """Where the real tokens of a padded batch (b, t) are, T of them.

    Attributes
    ----------
    real
        Their places in the flattened batch, shape (T,).
    positions
        Of each within its text, shape (1, T).
    starts
        Where each text begins, and where the last one ends, shape (b + 1,), in 32 bits as kernels want it.
    lengths
        Tokens of each text.
    width
        t, the tokens of the longest.
    """

    real: Tensor
    positions: Tensor
    starts: Tensor
    lengths: tuple[int, ...]
    width: int

    def packed(self, ids: Tensor) -> Tensor:
        """Return the real tokens (1, T) of ids (b, t)."""
        return ids.flatten()[self.real][None]

    def padded(self, states: Tensor) -> Tensor:
        """Return states (b, t, d) of packed ones (1, T, d); zero at padding."""
        d = states.shape[2]
        places = states.new_zeros(len(self.lengths) * self.width, d)
        return places.index_copy_(0, self.real, states[0]).view(-1, self.width, d)

    def attention(
        self, queries: Tensor, keys: Tensor, values: Tensor, *, causal: bool, scale: float | None
    ) -> Tensor:
        """Return what each token reads from those of its text, (1, T, h, d).

        Parameters
        ----------
        queries
            Shape (1, h, T, d).
        keys, values
            Shape (1, k, T, d): h / k heads of queries share a head of keys.
        causal
            Whether a token reads only those up to itself.
        scale
            Of the scores; 1 / sqrt(d) by default.
        """
        if queries.device.type == "cuda":
            asked, known, read = (
                part[0].transpose(0, 1) for part in (queries, keys, values)
            )  # (T, heads, d)
            found = torch.ops.aten._flash_attention_forward(
                asked, known, read, self.starts, self.starts, self.width, self.width, 0.0, causal, False, scale=scale
            )  # fmt: skip  # what torch.nn.attention.varlen calls, which releases before 2.10 have not
            result: Tensor = found[0][None]
            return result
        parts = zip(
            *(torch.split(part, list(self.lengths), dim=2) for part in (queries, keys, values)), strict=True
        )
        return torch.cat([attention(*part, causal=causal, scale=scale) for part in parts], dim=1)


def packing_of(lengths: NDArray[np.int64], device: torch.device) -> Packing:
    """Return the packing of texts with so many tokens, padded on the right to the longest.

    Examples
    --------
    >>> packing = packing_of(np.array([3, 1]), torch.device("cpu"))
    >>> packing.real.tolist(), packing.positions.tolist(), packing.starts.tolist()
    ([0, 1, 2, 3], [[0, 1, 2, 0]], [0, 3, 4])
    """
    width = int(lengths.max())
    is_real = np.arange(width) < lengths[:, None]  # (b, t)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return Packing(
        real=sent(np.flatnonzero(is_real), device),
        positions=sent(np.nonzero(is_real)[1][None], device),
        starts=sent(starts, device),
        lengths=tuple(lengths.tolist()),
        width=width,
    )


def packing_works(
    packed: Callable[[Tensor, Packing, Sequence[int]], list[Tensor]],
    padded: Callable[[Tensor, Tensor, Sequence[int]], list[Tensor]],
    vocabulary: Tensor,
    layers: int,
) -> bool:
    """Return whether a network reads packed texts as it reads padded ones; tried with a few tokens.

    Parameters
    ----------
    packed
        From ids (b, t), their packing and the layers asked for to states (1, T, d).
    padded
        From ids and mask (b, t) and the layers to states (b, t, d).
    vocabulary
        Vectors of tokens, shape (v, d).
    layers
        How many it has.
    """
    lengths = np.array(_TRIED)
    packing = packing_of(lengths, vocabulary.device)
    ids = torch.arange(len(lengths) * packing.width, device=vocabulary.device).view(len(lengths), -1) % len(
        vocabulary
    )
    mask = torch.zeros_like(ids)
    mask.view(-1)[packing.real] = 1
    with torch.inference_mode():
        try:
            [found] = packed(ids, packing, (layers,))
        except (
            Exception
        ):  # of a device or an architecture that has no such kernel, torch's or transformers' own
            return False
        [wanted] = padded(ids, mask, (layers,))
        expected = wanted.flatten(0, 1)[packing.real]
        error = (found[0] - expected).float().norm() / expected.float().norm()
    return bool(error <= torch.finfo(found.dtype).eps ** 0.5)
