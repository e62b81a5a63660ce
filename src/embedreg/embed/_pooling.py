"""From one vector a token to one vector a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from embedreg.core.errors import unknown_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

    Parts = NDArray[np.floating[Any]]

_AUTHORS_LENGTH: Final = 1024


@dataclass(frozen=True)
class Pooling:
    """Pooling in two steps, so that a long text's token vectors need not be held at once.

    Attributes
    ----------
    over_window
        From hidden states (b, t, d) in float32 and mask (b, t), 1 for real tokens and 0 for padding on the
        right, to what is kept of each window: a vector (b, d), or several (b, k, d).
    over_text
        From what was kept of the windows of texts, w of each, (n, w, d) or (n, w, k, d), and their numbers of tokens
        (n, w) to the texts' vectors (n, d). In float64 where a text has several windows.
    """

    over_window: Callable[[Tensor, Tensor], Tensor]
    over_text: Callable[[Parts, NDArray[np.int64]], Parts]


def pooling_named(name: str) -> Pooling:
    """Return a pooling by its name.

    "mean"
        Mean over the real tokens of all windows, special tokens included: sentence-transformers' mean when
        the text fits in one window.
    "mean_padded"
        Sum over the real tokens, divided by the length of 1,024 to which the study's authors pad
        (`embedders.py` in google-research/optformer): the mean times n / 1,024. Their code cuts longer
        text; here it counts as padded to the next multiple of 1,024.
    "max"
        Greatest value over the real tokens, for each coordinate.
    "weighted"
        Mean over the real tokens of all windows in which token i of n weighs i / (1 + ... + n), so that later
        ones, which have read more in a decoder, count for more (SGPT, arXiv 2202.08904).
    "last", "first"
        The last or first token of the text, which may be a special one.

    Raises
    ------
    UsageError
        If the name is unknown.
    """
    if name not in POOLINGS:
        raise unknown_name("pooling", name, ["auto", *POOLINGS, "model"])
    return POOLINGS[name]


def _sum_over_tokens(hidden: Tensor, mask: Tensor) -> Tensor:
    return (hidden * mask.unsqueeze(-1)).sum(dim=1)


def _plain_and_weighted_sums(hidden: Tensor, mask: Tensor) -> Tensor:  # (b, 2, d)
    import torch

    weights = mask.cumsum(dim=1) * mask  # 1, 2, 3 ... and 0 for padding
    return torch.stack([_sum_over_tokens(hidden, mask), _sum_over_tokens(hidden, weights)], dim=1)


def _max_over_tokens(hidden: Tensor, mask: Tensor) -> Tensor:
    return hidden.masked_fill(mask.unsqueeze(-1) == 0, -np.inf).amax(dim=1)


def _first_token(hidden: Tensor, _mask: Tensor) -> Tensor:
    return hidden[:, 0]


def _last_token(hidden: Tensor, mask: Tensor) -> Tensor:
    last = mask.sum(dim=1) - 1  # (b,)
    return hidden.take_along_dim(last[:, None, None], dim=1).squeeze(1)


def _mean(sums: Parts, lengths: NDArray[np.int64]) -> Parts:
    total = sums[:, 0] if sums.shape[1] == 1 else sums.sum(axis=1)
    return np.asarray(total / lengths.sum(axis=1, keepdims=True))


def _weighted(sums: Parts, lengths: NDArray[np.int64]) -> Parts:
    """Token i of a window is token `before` + i of the text."""
    before = np.cumsum(lengths, axis=1) - lengths  # (n, w)
    total = (before[..., None] * sums[:, :, 0] + sums[:, :, 1]).sum(axis=1)  # (n, d)
    tokens = lengths.sum(axis=1, keepdims=True)
    return np.asarray(total / (tokens * (tokens + 1) // 2))


def _mean_padded(sums: Parts, lengths: NDArray[np.int64]) -> Parts:
    padded = -(-lengths.sum(axis=1, keepdims=True) // _AUTHORS_LENGTH) * _AUTHORS_LENGTH
    return np.asarray(sums.sum(axis=1) / padded)


def _greatest(maxima: Parts, _lengths: NDArray[np.int64]) -> Parts:
    return np.asarray(maxima.max(axis=1))


def _of_last_window(tokens: Parts, _lengths: NDArray[np.int64]) -> Parts:
    return np.asarray(tokens[:, -1])


def _of_first_window(tokens: Parts, _lengths: NDArray[np.int64]) -> Parts:
    return np.asarray(tokens[:, 0])


POOLINGS: Final = {
    "mean": Pooling(_sum_over_tokens, _mean),
    "mean_padded": Pooling(_sum_over_tokens, _mean_padded),
    "weighted": Pooling(_plain_and_weighted_sums, _weighted),
    "max": Pooling(_max_over_tokens, _greatest),
    "last": Pooling(_last_token, _of_last_window),
    "first": Pooling(_first_token, _of_first_window),
}
