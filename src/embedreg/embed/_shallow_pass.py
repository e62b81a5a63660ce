"""Forward passes through a model of transformers that end at the deepest layer that is asked for."""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor


class _DeepEnough(Exception):  # noqa: N818 (it is no error, and never leaves this module)
    """The deepest layer that was asked for has its input."""


class ShallowPass:
    """Takes hidden states from where layers read them, and ends the pass there.

    Any number of threads may run the model meanwhile.

    Parameters
    ----------
    model
        Of transformers.
    layers
        How many it has.
    """

    def __init__(self, model: Any, layers: int) -> None:
        self._model = model
        self._count = layers
        self._now = threading.local()  # .found: position -> state, .deepest
        lists = (m for m in model.modules() if isinstance(m, torch.nn.ModuleList) and len(m) == layers)
        self._blocks = next(lists, None)  # the outermost; `works` tells whether it is the right one
        for index, block in enumerate(self._blocks or ()):
            block.register_forward_pre_hook(functools.partial(self._note, index), with_kwargs=True)

    @functools.cached_property
    def works(self) -> bool:
        """Whether layers read what transformers calls the hidden states; tried with a few tokens."""
        if self._blocks is None:
            return False
        ids = torch.arange(3, device=self._model.get_input_embeddings().weight.device)[None]
        output = self._model(input_ids=ids, output_hidden_states=True, return_dict=True)
        found = self.states(lambda: self._model(input_ids=ids), range(self._count))
        return len(found) == self._count and all(map(torch.equal, found, output.hidden_states))

    def states(self, run: Callable[[], object], indices: Sequence[int]) -> list[Tensor]:
        """Return the hidden states (b, t, d) at these positions, all below the last one.

        Parameters
        ----------
        run
            Runs the model; it does not come to its end.
        indices
            0 is the first layer's input, k the output of layer k.
        """
        found: dict[int, Tensor] = {}
        self._now.found, self._now.deepest = found, max(indices)
        try:
            run()
        except _DeepEnough:
            pass
        finally:
            del self._now.found
        return [found[index] for index in indices if index in found]

    def _note(self, index: int, _block: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        found = getattr(self._now, "found", None)
        if found is None:
            return
        found[index] = args[0] if args else kwargs.get("hidden_states")
        if index == self._now.deepest:
            raise _DeepEnough
