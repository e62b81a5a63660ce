"""Windows in, what poolings take from their hidden states out: batch by batch, on a processor several of them at once."""

from __future__ import annotations

import collections
import functools
import threading
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from embedreg.core.ahead import ahead
from embedreg.core.devices import on_processor
from embedreg.core.errors import ModelError
from embedreg.core.measured import machine_name
from embedreg.core.threads import torch_threads, torch_threads_for_others
from embedreg.core.transfers import Fetched
from embedreg.embed._batch import Batch
from embedreg.embed._calibration import Way, best_way, remembered_way
from embedreg.embed._windows import Windows, even_batches, plan_batches, plan_packed_batches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from embedreg.embed._load_model import LoadedModel
    from embedreg.embed._read_out import ReadOut

_MOST_AT_ONCE: Final = 8  # batches, each of which holds its states; of more threads some share one


class ForwardPasses:
    """Forward passes of a model, one a batch for all poolings.

    Parameters
    ----------
    model
        That is run.
    batch_tokens
        Tokens in a batch at most; None for what its device handles well, which on a processor is tried once that takes little
        beside the work that was done.
    what
        The model and its precision, in words that tell it from others that are fastest in another way.

    Attributes
    ----------
    budget
        Tokens in a batch at most; it shrinks when a GPU has no memory for as many.
    """

    def __init__(self, model: LoadedModel, batch_tokens: int | None, what: str = "") -> None:
        self._model = model
        self.budget = batch_tokens or model.batch_tokens
        self._what = what if batch_tokens is None else ""
        self._ways: dict[Way, Way | None] = {}  # the best one, if it is known, by the usual one
        self._trying = threading.Lock()
        self._read = 0  # tokens

    def over(
        self, windows: Windows, read_outs: Sequence[ReadOut]
    ) -> Iterator[tuple[NDArray[np.int64], list[Fetched]]]:
        """Yield (positions of windows, what each pooling took from them); a GPU may still be computing it.

        Raises
        ------
        ModelError
            If a GPU has no memory for one window.
        """
        if on_processor(self._model.device):
            return self._side_by_side(windows, read_outs, self._way(windows, read_outs))
        return self._one_by_one(windows, read_outs)

    def _way(self, windows: Windows, read_outs: Sequence[ReadOut]) -> Way:
        """Return the best way that is known, or that is found just now; for a few texts, where it matters little, the usual."""
        usual, tokens = Way(self.budget, torch_threads()), int(windows.lengths.sum())
        with self._trying:
            self._read += tokens
            if not self._what or tokens < usual.tokens_tried:
                return usual
            what = f"{machine_name(self._model.device)}: {self._what}"
            if usual not in self._ways:
                self._ways[usual] = remembered_way(what, usual)
            if self._ways[usual] is None and self._read >= usual.tokens_before:
                some = _some(windows, usual.tokens_tried)
                self._ways[usual] = best_way(
                    what,
                    usual,
                    lambda way: collections.deque(self._side_by_side(some, read_outs, way), maxlen=0),
                )
            return self._ways[usual] or usual

    def _one_by_one(
        self, windows: Windows, read_outs: Sequence[ReadOut]
    ) -> Iterator[tuple[NDArray[np.int64], list[Fetched]]]:
        """Run one batch after the other, in smaller ones once memory ran out."""
        waiting = np.arange(len(windows.lengths))
        while len(waiting):
            done = np.zeros(len(waiting), dtype=np.bool_)
            for chosen in self._planned(windows.lengths[waiting], self.budget):
                batch = waiting[chosen]
                parts = self._forward_if_it_fits([windows.ids[i] for i in batch], read_outs)
                if parts is None:
                    break
                done[chosen] = True
                yield batch, parts
            waiting = waiting[~done]

    def _side_by_side(
        self, windows: Windows, read_outs: Sequence[ReadOut], way: Way
    ) -> Iterator[tuple[NDArray[np.int64], list[Fetched]]]:
        """Run as many batches at once as there are threads, each on one of its own.

        Threads that share a batch wait for each other at every step of it. Those batches that are left over they do share,
        and the last one where it may be smaller.
        """

        def forward(batch: NDArray[np.int64]) -> tuple[NDArray[np.int64], list[Fetched]]:
            return batch, self._forward([windows.ids[i] for i in batch], read_outs)

        at_once, each = self._shares(_indices(read_outs), way.threads)
        batches = even_batches(self._planned, windows.lengths, way.batch_tokens, at_once)
        several = len(batches)
        if not batches:
            batches = [*self._planned(windows.lengths, way.batch_tokens)]
            several = (len(batches) - 1) // at_once * at_once if at_once > 1 else 0
        if way.threads < torch_threads():  # threads that share what is left over would be all of torch's
            several = len(batches)
        if several:
            starting = torch_threads_for_others(each)
            yield from ahead(forward, batches[:several], threads=at_once, starting=starting)
        yield from map(forward, batches[several:])

    def _shares(self, indices: Sequence[int], threads: int) -> tuple[int, int]:
        """Return how many batches a processor's threads work on at once, and how many of them share one."""
        each = -(-threads // _MOST_AT_ONCE)
        with torch.inference_mode():
            may = threads > 1 and self._model.network.runs_side_by_side(indices)
        return (threads // each, each) if may else (1, threads)

    @functools.cached_property
    def _planned(self) -> Callable[[NDArray[np.int64], int], Iterator[NDArray[np.int64]]]:
        """Return what makes batches of windows of such lengths within a budget of tokens."""
        network = self._model.network
        return (
            plan_packed_batches
            if network.packs
            else functools.partial(plan_batches, padding=network.takes_mask)
        )

    def _forward_if_it_fits(
        self, windows: Sequence[NDArray[np.int32]], read_outs: Sequence[ReadOut]
    ) -> list[Fetched] | None:
        """Return what `_forward` does, or None after halving the budget: a GPU had not enough memory."""
        try:
            return self._forward(windows, read_outs)
        except torch.OutOfMemoryError as error:
            if len(windows) == 1:
                raise ModelError(
                    f"no memory on {self._model.device} for one window of {len(windows[0])} tokens",
                    expected="room for it",
                    mend="use dtype='bfloat16', a smaller model, or device='cpu'",
                ) from error
            lengths = [len(ids) for ids in windows]
            tokens = sum(lengths) if self._model.network.packs else len(windows) * max(lengths)
            self.budget = min(self.budget, tokens) // 2  # it was less than the budget, perhaps
        torch.cuda.empty_cache()
        return None

    def _forward(self, windows: Sequence[NDArray[np.int32]], read_outs: Sequence[ReadOut]) -> list[Fetched]:
        """Return what each pooling takes from the windows, (b, d) or (b, k, d); one forward pass for all of them."""
        model, indices = self._model, _indices(read_outs)
        with torch.inference_mode():
            batch = Batch(windows, model.pad, model.device)
            found = model.network.states(batch, indices)
            states = {index: state.float() for index, state in zip(indices, found, strict=True)}
            return [Fetched(read_out.over_window(states, batch.mask)) for read_out in read_outs]


def _some(windows: Windows, tokens: int) -> Windows:
    """Return windows from all over, of about so many tokens."""
    count = max(1, len(windows.ids) * tokens // int(windows.lengths.sum()))
    ids = [windows.ids[i] for i in np.linspace(0, len(windows.ids) - 1, count).astype(int)]
    return Windows(ids, [*range(len(ids))], [*range(len(ids) + 1)])


def _indices(read_outs: Sequence[ReadOut]) -> tuple[int, ...]:
    """Return the layers that are read, ascending."""
    return tuple(sorted({index for read_out in read_outs for index in read_out.layers.indices}))
