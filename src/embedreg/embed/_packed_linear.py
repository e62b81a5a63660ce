"""Linear layers of transformers' models by `embedreg.core.products`, for processors."""

from __future__ import annotations

from typing import Any

import torch

from embedreg.core.products import packed, packed_map, packs
from embedreg.embed._batch import UNSUITED, token_errors, tried_ids

_TRIED_TOKENS = 32


@torch.inference_mode()
def use_packed(model: Any) -> int:
    """Let a model's linear layers multiply by weights in the layout of the processor's kernels.

    They keep no others. The model is tried with a few tokens, before and after: what reads a layer's weights in a way of its
    own cannot read these, and such a model stays as it was.

    Parameters
    ----------
    model
        Of transformers, on a processor.

    Returns
    -------
    int
        How many layers were changed.
    """
    layers: list[Any] = [part for part in model.modules() if _may_pack(part)]
    if not layers:
        return 0
    ids = torch.from_numpy(tried_ids(_TRIED_TOKENS, model.get_input_embeddings().weight))[None]
    wanted = model(input_ids=ids).last_hidden_state
    for layer in layers:
        layer.weight = torch.nn.Parameter(packed(layer.weight), requires_grad=False)
        layer.forward = packed_map(layer.weight, layer.bias)
    try:
        error = float(token_errors(model(input_ids=ids).last_hidden_state, wanted).median())
        right = error <= torch.finfo(wanted.dtype).eps ** 0.5
    except UNSUITED:
        right = False
    if right:
        return len(layers)
    for layer in layers:
        layer.weight = torch.nn.Parameter(layer.weight.to_dense(), requires_grad=False)
        del layer.forward
    return 0


def _may_pack(part: Any) -> bool:
    """Return whether a part is a plain linear layer, which nobody else has changed."""
    return type(part) is torch.nn.Linear and "forward" not in vars(part) and packs(part.weight.dtype)
