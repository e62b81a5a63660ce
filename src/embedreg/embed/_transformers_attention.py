"""Attention of transformers' models by `embedreg.embed._attention`, registered under a name of its own."""

from __future__ import annotations

import contextlib
import contextvars
from typing import TYPE_CHECKING, Any, Final, cast

import torch
from transformers import AttentionInterface, AttentionMaskInterface, masking_utils
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from embedreg.embed._attention import attention, biased, filled, is_own_faster, missing_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from embedreg.embed._batch import Batch

NAME: Final = "embedreg"
# Of what transformers gives an attention function beside the tensors: what changes the scores, and is left to its own.
_CHANGE_SCORES: Final = ("position_bias", "softcap", "s_aux")
_REPLACEABLE: Final = ("mt5", "t5", "umt5")  # by any function, though transformers does not say so of these
_FULL: Final = "full_attention"  # what transformers calls such a layer
_WINDOWS: Final = ("sliding_window", "attention_chunk_size")


_packed: contextvars.ContextVar[Batch | None] = contextvars.ContextVar("packed", default=None)


@contextlib.contextmanager
def attending_within(batch: Batch) -> Iterator[None]:
    """Let models attend within each of the packed texts that they are given meanwhile."""
    before = _packed.set(batch)
    try:
        yield
    finally:
        _packed.reset(before)


def attends_by_own(model: Any) -> bool:
    """Return whether a model attends by this module."""
    return bool(model.config._attn_implementation == NAME)


def may_pack(model: Any) -> bool:
    """Return whether a model attends by this module, in every layer and to all tokens of a text, however long."""
    config = model.config
    kinds = set(getattr(config, "layer_types", None) or [_FULL])
    windows = any(getattr(config, name, None) for name in _WINDOWS)
    return attends_by_own(model) and kinds == {_FULL} and not windows


def use_own_attention(model: Any) -> None:
    """Let a model compute attention by this module, if transformers would do it by torch's own and lets others do it.

    Parameters
    ----------
    model
        Of transformers, on a processor or a CUDA GPU: there, texts are never told which tokens are padding where each
        token reads only those before it, so that torch's fastest kernel can be used.
    """
    replaceable = model.is_backend_compatible() or model.config.model_type in _REPLACEABLE
    if model.config._attn_implementation == "sdpa" and replaceable:
        model.set_attn_implementation(NAME)


def _attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    is_causal: bool | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """Return what tokens read, (b, t, h, d), as `sdpa_attention_forward` does, which takes what this module cannot."""
    causal = bool(getattr(module, "is_causal", True) if is_causal is None else is_causal)
    causal = causal and attention_mask is None  # else the mask says everything
    plain = not dropout and all(others.get(name) is None for name in _CHANGE_SCORES)
    batch = _packed.get()
    if batch is not None:
        if not plain or attention_mask is not None or others.get("sliding_window") is not None:
            # heard by `packing_works`, which tries it
            raise NotImplementedError("attention that packed texts do not have")
        return batch.attention(query, key, value, causal=causal, scale=scaling), None
    later = causal and query.shape[2] < key.shape[2]  # torch would take the queries for the first tokens
    alike = query.shape[2] == key.shape[2] and _is_of_keys(attention_mask) and is_own_faster(query)
    if plain and (later or alike) and query.shape[3] == key.shape[3] == value.shape[3]:
        seen = None if attention_mask is None else attention_mask[:, :, :1]
        return attention(query, key, value, seen=seen, causal=causal, scale=scaling), None
    bias = others.get("position_bias")
    more = 0 if bias is None or causal else missing_keys(query, key.shape[2])
    if bias is not None and (bool(more) if attention_mask is None else attention_mask.dtype == torch.bool):
        attention_mask, others["position_bias"] = biased(bias, attention_mask, more), None
        key, value = filled(key, more), filled(value, more)
    settings = {"dropout": dropout, "scaling": scaling, "is_causal": is_causal, **others}
    read = sdpa_attention_forward(module, query, key, value, attention_mask, **settings)
    return cast("tuple[Tensor, None]", read)


def _is_of_keys(mask: Tensor | None) -> bool:
    """Return whether a mask (b, 1, t, t) is the same for all queries of a text: expanded from one."""
    return mask is None or (mask.dtype == torch.bool and mask.shape[1] == 1 and mask.stride(2) == 0)


def _mask(*positional: Any, **settings: Any) -> Tensor | None:
    """Return the mask that `sdpa_mask` returns, in the two plain cases by a shorter way.

    Where each token reads all those before it, that is none: padding is on the right in this package, and no token reads
    what is there. Where each reads all tokens, it is that of padding, expanded.
    """
    if _packed.get() is not None:
        return None
    function, padding = settings.get("mask_function"), settings.get("attention_mask")
    if settings.get("allow_is_causal_skip") and function is masking_utils.causal_mask_function:
        return None
    everything = getattr(
        masking_utils, "bidirectional_mask_function", None
    )  # which transformers 4.56 has not
    if padding is not None and function is everything:
        return cast("Tensor", padding[:, None, None].expand(-1, -1, settings["q_length"], -1))
    return cast("Tensor | None", masking_utils.sdpa_mask(*positional, **settings))


AttentionInterface.register(NAME, _attend)
AttentionMaskInterface.register(NAME, _mask)
