"""Attention within each of the texts of a batch without padding, on a processor: texts of like length share a call.

A processor multiplies all tokens of a batch by a layer's weights at once, whatever texts they are of. Attention alone wants
texts apart, and padded where they are of unlike lengths: short ones are, within a fifth of the longest, since a call for each
takes longer than its products.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch

from embedreg.embed._attention import attention

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

    from embedreg.embed._distance_bias import DistanceBias

_SHORT: Final = 96  # tokens of texts that may share a call with shorter ones
_LEAST_FILLED: Final = 0.8


@dataclass(frozen=True, eq=False)
class Group:
    """Texts one after the other that share a call, c of them, with t tokens in the longest and n in all.

    Attributes
    ----------
    tokens
        Where they are in the batch.
    texts
        c.
    places
        Where the token is, from the group's first, that each place of the padded texts reads, shape (c t,); a padded place reads
        any. None where nothing is padded.
    real
        Which of those places are no padding, shape (n,).
    seen
        The same as a mask, shape (c, 1, 1, t).
    """

    tokens: slice
    texts: int
    places: Tensor | None = None
    real: Tensor | None = None
    seen: Tensor | None = None

    def read(self, parts: Sequence[Tensor], attend: Callable[..., Tensor]) -> Tensor:
        """Return what the group's tokens read, (n, h, d), of a batch's queries, keys and values (T, h or k, d).

        `attend` is given those of the group, (c, h or k, t, d), and the mask.
        """
        padded = [self._padded(part[self.tokens]) for part in parts]
        found = attend(*padded, seen=self.seen).flatten(0, 1)
        return found if self.real is None else found.index_select(0, self.real)

    def _padded(self, states: Tensor) -> Tensor:
        """Return states (n, h, d) as (c, h, t, d)."""
        if self.places is not None:
            states = states.index_select(0, self.places)
        return states.view(self.texts, -1, *states.shape[1:]).transpose(1, 2)


def groups_of(lengths: Sequence[int]) -> list[Group]:
    """Return the groups of texts of such lengths, one after the other.

    Examples
    --------
    >>> [(group.tokens, group.texts) for group in groups_of([200, 199, 199, 10, 9, 3])]
    [(slice(0, 200, None), 1), (slice(200, 598, None), 2), (slice(598, 617, None), 2), (slice(617, 620, None), 1)]
    """
    groups, first = [], 0
    for together in _alike(lengths):
        stop = first + sum(together)
        groups.append(_group(slice(first, stop), together))
        first = stop
    return groups


def read_by_groups(
    groups: Sequence[Group],
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    *,
    bias: DistanceBias | None,
    causal: bool,
    scale: float | None,
) -> Tensor:
    """Return what each token of a batch reads from those of its text, (1, T, h, d).

    Parameters
    ----------
    groups
        All of the batch.
    queries, keys, values
        Shape (1, h, T, d), and (1, k, T, d): h / k heads of queries share a head of keys.
    bias
        What is added to scores; None for nothing.
    causal, scale
        As for `attention`.
    """

    def attend(asked: Tensor, *others: Tensor, seen: Tensor | None) -> Tensor:
        own = None if bias is None else bias.between(asked.shape[2])
        return attention(asked, *others, seen=seen, bias=own, causal=causal, scale=scale)

    parts = [part[0].transpose(0, 1) for part in (queries, keys, values)]
    read = [group.read(parts, attend) for group in groups]
    return (torch.cat(read) if len(read) > 1 else read[0])[None]


def _alike(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield lengths one after the other that may share a call."""
    together: list[int] = []
    for length in lengths:
        longest = together[0] if together else length
        padded = longest <= _SHORT and _LEAST_FILLED * longest <= length <= longest
        if length != longest and not padded:
            yield together
            together = []
        together.append(length)
    yield together


def _group(tokens: slice, lengths: Sequence[int]) -> Group:
    """Return the group of texts of such lengths, the first of which is the longest."""
    if lengths[0] == min(lengths):
        return Group(tokens, len(lengths))
    each = torch.tensor(lengths)[:, None]  # (c, 1)
    column = torch.arange(lengths[0])
    seen = column < each  # (c, t)
    places = (each.cumsum(0) - each + column).clamp(max=sum(lengths) - 1)
    return Group(tokens, len(lengths), places.flatten(), seen.flatten().nonzero()[:, 0], seen[:, None, None])
