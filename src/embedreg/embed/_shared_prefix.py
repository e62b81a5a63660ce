"""Tokens that all texts of a batch begin with, such as a prompt or a schema: decoders read them once."""

from __future__ import annotations

import functools
import inspect
import threading
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import numpy as np
import torch
from transformers import DynamicCache

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from embedreg.embed._batch import Batch

_LEAST_TOKENS: Final = 16
_LEAST_SHARE: Final = 0.1  # of the longest text: below it, two passes take as long as one
_KEYWORDS: Final = ("cache", "past_key_values")
_TRIED: Final = 12  # tokens that a model is tried with, half of them as a prefix
_LEAKS: Final = 1e-3
"""Share of its states that a beginning may differ by with other tokens after it: an untrained encoder's differ by a hundredth."""


class Pass(Protocol):
    """A forward pass of a model."""

    def __call__(
        self, ids: Tensor, mask: Tensor, indices: Sequence[int], others: Mapping[str, Any] = ..., /
    ) -> list[Tensor]:
        """Return the hidden states (b, t, d) at some positions.

        Parameters
        ----------
        ids
            Shape (b, t).
        mask
            Shape (b, p + t): 1 for real tokens, also for the p in the cache.
        indices
            As for `embedreg.embed._load_model.Network`.
        others
            More arguments of the model.
        """
        ...


class _Prefix(NamedTuple):
    """Tokens that were read: their ids (p,), the states asked for (1, p, d), and keys and values (1, k, p, d) by layer.

    The ids are on the processor, where the next batch's are compared with them: nobody has to wait for a GPU.
    """

    ids: NDArray[np.integer]
    indices: tuple[int, ...]
    states: list[Tensor]
    layers: list[tuple[Tensor, Tensor]]


class SharedPrefix:
    """Runs a decoder over what texts begin with alike once, and over the rest of each.

    A thread's last prefix is kept, as its next batch is likely to have it too. Vectors are those of a whole pass up to rounding:
    a token of a decoder reads only those before it.

    Parameters
    ----------
    model
        Of transformers.
    layers
        How many it has.
    run
        A pass of it.
    """

    def __init__(self, model: Any, layers: int, run: Pass) -> None:
        self._model = model
        self._layers = layers
        self._run = run
        self._kept = threading.local()  # .last: as batches of a thread follow one another

    def states(self, batch: Batch, indices: Sequence[int]) -> list[Tensor] | None:
        """Return the hidden states (b, t, d) at these positions, or None where a whole pass is as good or the only way.

        Parameters
        ----------
        batch
            Of texts.
        indices
            As for `embedreg.embed._load_model.Network`.
        """
        length = batch.shared if max(indices) else 0  # no layer is run for the first one's input
        if length < max(_LEAST_TOKENS, _LEAST_SHARE * batch.width):
            return None
        ids = batch.ids
        beginning = batch.windows[0][:length]
        prefix = self._known(beginning, len(batch), tuple(indices))
        if prefix is None and len(batch) > 1 and self.works:
            prefix = self._kept.last = self._compute(ids[0, :length], beginning, tuple(indices))
        return None if prefix is None else self._after(prefix, ids, batch.mask)

    @functools.cached_property
    def works(self) -> bool:
        """Whether the model goes on after a prefix as if it had read the whole; tried with a few tokens."""
        if self._keyword is None:
            return False
        weight = self._model.get_input_embeddings().weight
        ids = torch.arange(_TRIED, device=weight.device)[None] % len(weight)
        mask = torch.ones_like(ids)
        last = (self._layers,)
        [expected] = self._run(ids, mask, last)
        try:
            half = ids[0, : _TRIED // 2]
            prefix = self._compute(half, half.cpu().numpy(), last)
            [found] = self._after(prefix, ids, mask)
        except torch.OutOfMemoryError:
            raise  # as of any other pass
        except Exception:  # that of an architecture which keeps something else than keys and values
            return False
        n, size = len(half), expected.norm()
        [other] = self._run(torch.cat([ids[:, :n], ids[:, n:].flip(1)], dim=1), mask, last)
        goes_on = (found - expected).norm() <= size * torch.finfo(expected.dtype).eps ** 0.5
        reads_back_alone = (other - expected)[:, :n].norm() <= size * _LEAKS
        return bool(goes_on and reads_back_alone)

    @functools.cached_property
    def _keyword(self) -> str | None:
        """Return the name of the argument for keys and values, which depends on the model and the release of transformers."""
        known = inspect.signature(self._model.forward).parameters
        return next((name for name in _KEYWORDS if name in known), None)

    def _run_with(self, cache: Any, ids: Tensor, mask: Tensor, indices: Sequence[int]) -> list[Tensor]:
        """Run the model; the cache gets the tokens' keys and values."""
        return self._run(ids, mask, indices, {str(self._keyword): cache, "use_cache": True})

    def _known(self, beginning: NDArray[np.integer], texts: int, indices: tuple[int, ...]) -> _Prefix | None:
        """Return the last prefix, if it is most of what texts begin with, or enough of a single one."""
        last: _Prefix | None = getattr(self._kept, "last", None)
        if last is None or last.indices != indices:
            return None
        least = _LEAST_TOKENS if texts == 1 else (1 - _LEAST_SHARE) * len(beginning)
        known = len(last.ids)
        alike = least <= known <= len(beginning) and np.array_equal(beginning[:known], last.ids)
        return last if alike else None

    def _compute(self, ids: Tensor, known: NDArray[np.integer], indices: tuple[int, ...]) -> _Prefix:
        cache = _cache([])
        states = self._run_with(cache, ids[None], torch.ones_like(ids[None]), indices)
        return _Prefix(known, indices, states, [(layer.keys, layer.values) for layer in cache.layers])

    def _after(self, prefix: _Prefix, ids: Tensor, mask: Tensor) -> list[Tensor]:
        """Run what comes after a prefix, and return the states of all tokens."""
        texts = len(ids)
        cache = _cache([[part.expand(texts, -1, -1, -1) for part in layer] for layer in prefix.layers])
        rest = self._run_with(cache, ids[:, len(prefix.ids) :], mask, prefix.indices)
        return [
            torch.cat([first.expand(texts, -1, -1), later], dim=1)
            for first, later in zip(prefix.states, rest, strict=True)
        ]


def _cache(layers: Sequence[Sequence[Tensor]]) -> Any:
    """Return keys and values as models of transformers take them."""
    cache = DynamicCache()
    for index, (keys, values) in enumerate(layers):
        cache.update(keys, values, index)
    return cache
