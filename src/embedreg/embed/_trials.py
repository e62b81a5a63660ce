"""Whether a model gives the same when it is computed another way: tried with a few tokens when it is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from embedreg.embed._batch import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

# Errors that say no more than that another way is to be taken: a device has no such kernel (RuntimeError), or an architecture
# takes other arguments, has other parts, other shapes or fewer positions.
_UNSUITED: Final = (AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
_TOKENS: Final = 8  # of one text: some models have few positions
_TEXTS: Final = (24, 7, 16)  # tokens of several texts
LONGEST_TEXT: Final = max(_TEXTS)
"""Positions that a model has to have for those: a GPU that looks up one that is not there is lost."""


def packing_works(
    packed: Callable[[Batch, Sequence[int]], list[Tensor]],
    padded: Callable[[Batch, Sequence[int]], list[Tensor]],
    vocabulary: Tensor,
    layers: int,
) -> bool:
    """Return whether a network reads texts one after the other as it reads padded ones; tried with a few tokens.

    Tokens' states have to be those of padded texts, and none of them may hang on the text before or after.

    Parameters
    ----------
    packed
        From a batch and the layers asked for to states (1, T, d).
    padded
        From the same to states (b, t, d).
    vocabulary
        Vectors of tokens, shape (v, d).
    layers
        How many it has.
    """
    first, second, third = np.split(tried_ids(sum(_TEXTS), vocabulary), np.cumsum(_TEXTS)[:-1])
    last = (layers,)
    with torch.inference_mode():
        batch, beside_another = (
            Batch([first, other, third], 0, vocabulary.device) for other in (second, second[::-1].copy())
        )
        try:
            [found], [again] = packed(batch, last), packed(beside_another, last)
        except torch.OutOfMemoryError:
            raise
        except _UNSUITED:
            return False
        [wanted] = padded(batch, last)
        rounding = torch.finfo(found.dtype).eps
        right = float(token_errors(found, batch.to_tokens(wanted)).median()) <= rounding**0.5
        change = token_errors(again, found)[0]
        return right and bool(change[batch.window != 1].max() <= rounding)


def is_kept(model: Any, change: Callable[[], object], undo: Callable[[], object]) -> bool:
    """Change a model, and undo it where that alters what the model makes of a few tokens; return whether it is kept.

    Parameters
    ----------
    model
        Of transformers, on its device; in inference mode.
    change, undo
        What changes it, and what takes that back.
    """
    vocabulary = model.get_input_embeddings().weight
    ids = torch.from_numpy(tried_ids(_TOKENS, vocabulary)).to(vocabulary.device)[None]
    try:
        wanted = model(input_ids=ids).last_hidden_state
    except torch.OutOfMemoryError:
        raise
    except _UNSUITED:
        return False
    change()
    try:
        error = float(token_errors(model(input_ids=ids).last_hidden_state, wanted).median())
        right = bool(error <= torch.finfo(wanted.dtype).eps ** 0.5)
    except torch.OutOfMemoryError:
        raise
    except _UNSUITED:
        right = False
    if not right:
        undo()
    return right


def keeps_nothing(model: Any) -> bool:
    """Return whether a model's parts are what they were after passes over texts of unlike lengths, in inference mode.

    Parameters
    ----------
    model
        Of transformers, on a processor.
    """
    vocabulary = model.get_input_embeddings().weight
    before = _held(model)
    try:
        for tokens in _TEXTS:
            model(input_ids=torch.from_numpy(tried_ids(tokens, vocabulary)).to(vocabulary.device)[None])
    except torch.OutOfMemoryError:
        raise
    except _UNSUITED:
        return False
    after = _held(model)
    return all(after.get(place) is value for place, value in before.items()) and len(after) == len(before)


def _held(model: Any) -> dict[tuple[str, str], object]:
    """Return what each part of a model has, its tensors among it, by part and name."""
    return {
        (part, name): value
        for part, module in model.named_modules()
        for own in (vars(module), module._buffers)
        for name, value in own.items()
    }


def tried_ids(tokens: int, vocabulary: Tensor) -> NDArray[np.int64]:
    """Draw so many token ids to try a network with: among the first ids are special tokens, whose states rounding upsets."""
    return np.random.default_rng(0).integers(0, len(vocabulary), tokens)


def token_errors(found: Tensor, expected: Tensor) -> Tensor:
    """Return the error of each token's state (1, t, d) as a share of its norm, shape (1, t).

    Of two right ways to compute in bfloat16, single tokens' may differ by a third (SmolLM2), and the median by .02.
    """
    error, size = (states.float().norm(dim=-1) for states in (found - expected, expected))
    shares: Tensor = error / size.clamp(min=torch.finfo(torch.float32).tiny)
    return shares
