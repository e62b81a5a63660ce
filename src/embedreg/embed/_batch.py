"""Windows of a batch on a device: padded to one length, or one after the other.

Attention is then within each of the texts that follow one another (variable-length attention). Texts of unlike lengths fill a
batch, where padding them would waste it or leave it small.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from embedreg.core.transfers import sent
from embedreg.embed._groups import Group, groups_of, read_by_groups
from embedreg.embed._steps import tile_attention, tiles_suit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from embedreg.embed._distance_bias import DistanceBias


class Batch:
    """Windows of token ids, b of them with T tokens in all and t in the longest.

    All that is known here is one array on its way to the device; the rest is computed there when it is asked for, so that
    nobody waits for the device.

    Parameters
    ----------
    windows
        Token ids of each, none of them empty.
    pad
        Token id for padding; the mask hides it.
    device
        Where the tensors are.

    Attributes
    ----------
    windows
        As given.
    lengths
        Tokens of each window, on the processor.
    width
        t.
    whole
        Whether nothing is padding.

    Examples
    --------
    >>> batch = Batch([np.array([5, 6, 7]), np.array([5])], 0, torch.device("cpu"))
    >>> batch.ids.tolist(), batch.mask.tolist()
    ([[5, 6, 7], [5, 0, 0]], [[1, 1, 1], [1, 0, 0]])
    >>> batch.tokens.tolist(), batch.positions.tolist(), batch.starts.tolist()
    ([5, 6, 7, 5], [0, 1, 2, 0], [0, 3, 4])
    """

    def __init__(self, windows: Sequence[NDArray[np.integer]], pad: int, device: torch.device) -> None:
        self.windows = windows
        self._pad = pad
        self.device = device
        self.lengths: NDArray[np.int64] = np.array([len(ids) for ids in windows])
        self.width = int(self.lengths.max())
        self.whole = bool(self.lengths.min() == self.width)

    def __len__(self) -> int:
        return len(self.windows)

    @property
    def padding(self) -> float:
        """The share of padding in the padded batch."""
        return 1 - float(self.lengths.sum()) / (len(self) * self.width)

    @functools.cached_property
    def shared(self) -> int:
        """How many tokens all windows begin with; the longest has at least one more."""
        shortest = int(self.lengths.min())
        beginnings = np.stack([ids[:shortest] for ids in self.windows])
        other = np.flatnonzero((beginnings != beginnings[0]).any(axis=0))
        return min(int(other[0]) if len(other) else shortest, self.width - 1)

    @functools.cached_property
    def ids(self) -> Tensor:
        """Padded on the right, shape (b, t)."""
        if self.whole:
            return self.tokens.view(len(self), -1)
        padding = self.tokens.new_full((len(self) * self.width,), self._pad)
        return padding.index_copy_(0, self._real, self.tokens).view(len(self), -1)

    @functools.cached_property
    def mask(self) -> Tensor:
        """1 for real tokens, 0 for padding, shape (b, t)."""
        places = torch.arange(self.width, device=self.device)
        return (places < self._lengths[:, None]).long()

    @property
    def tokens(self) -> Tensor:
        """The ids of all windows, one after the other, shape (T,)."""
        return self._sent[: -len(self)]

    @functools.cached_property
    def positions(self) -> Tensor:
        """Of each token within its window, shape (T,)."""
        return torch.arange(len(self.tokens), device=self.device) - self.starts[:-1].long()[self.window]

    @functools.cached_property
    def starts(self) -> Tensor:
        """Where each window begins, and where the last one ends, shape (b + 1,), in 32 bits as kernels want it."""
        ends = self._lengths.cumsum(0, dtype=torch.int32)
        return torch.cat([ends.new_zeros(1), ends])

    @functools.cached_property
    def _sent(self) -> Tensor:
        """The tokens, and after them the lengths, shape (T + b,)."""
        return sent(np.concatenate([*self.windows, self.lengths]).astype(np.int32), self.device).long()

    @property
    def _lengths(self) -> Tensor:
        return self._sent[-len(self) :]

    @functools.cached_property
    def window(self) -> Tensor:
        """Number of the window that each token is in, shape (T,)."""
        numbers = torch.arange(len(self), device=self.device)
        return numbers.repeat_interleave(self._lengths, output_size=len(self.tokens))

    @functools.cached_property
    def _real(self) -> Tensor:
        """Where each token is in the flattened padded batch, shape (T,)."""
        return self.window * self.width + self.positions

    def to_padded(self, states: Tensor) -> Tensor:
        """Return states (b, t, d) of those (1, T, d) of the tokens; zero at padding."""
        places = states.new_zeros(len(self) * self.width, states.shape[2])
        return places.index_copy_(0, self._real, states[0]).view(len(self), self.width, -1)

    def to_tokens(self, states: Tensor) -> Tensor:
        """Return states (1, T, d) of padded ones (b, t, d)."""
        return states.flatten(0, 1)[self._real][None]

    def attention(
        self,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        *,
        causal: bool,
        scale: float | None,
        bias: DistanceBias | None = None,
    ) -> Tensor:
        """Return what each token reads from those of its window, (1, T, h, d).

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
        bias
            What is added to scores, on a processor; None for nothing.
        """
        if (
            not queries.shape[2] == keys.shape[2] == len(self.tokens)
        ):  # a kernel would read and write what is not there
            raise ValueError(
                f"{queries.shape[2]} queries and {keys.shape[2]} keys of {len(self.tokens)} tokens"
            )
        if queries.device.type == "cuda":
            if bias is not None:
                raise ValueError("a bias, which a GPU's kernel for packed texts does not add")
            asked, known, read = (
                part[0].transpose(0, 1) for part in (queries, keys, values)
            )  # (T, heads, d)
            found = torch.ops.aten._flash_attention_forward(
                asked, known, read, self.starts, self.starts, self.width, self.width, 0.0, causal, False, scale=scale
            )  # fmt: skip  # what torch.nn.attention.varlen calls, which releases before 2.10 have not
            result: Tensor = found[0][None]
            return result
        settings: dict[str, Any] = {"bias": bias, "causal": causal, "scale": scale}
        if tiles_suit(queries, keys, values):
            by_tiles = tile_attention(queries, keys, values, lengths=self.lengths, **settings)
            if by_tiles is not None:
                return by_tiles
        return read_by_groups(self._groups, queries, keys, values, **settings)

    @functools.cached_property
    def _groups(self) -> list[Group]:
        return groups_of(self.lengths.tolist())
