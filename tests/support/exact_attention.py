"""Attention in float64, to hold other ways to."""

from __future__ import annotations

import torch
from torch.nn.functional import scaled_dot_product_attention


def reference(queries, keys, values, *, seen=None, bias=None, causal=False, scale=None):
    """torch's own, with every mask written out; arguments as those of `embedreg.embed._attention.attention`."""
    t, n = queries.shape[2], keys.shape[2]
    mask = torch.ones(1, 1, t, n, dtype=torch.bool)
    mask = mask.tril(n - t) if causal else mask
    mask = mask if seen is None else mask & seen
    if bias is not None:
        mask = torch.where(mask, bias.double(), -torch.inf)
    read = scaled_dot_product_attention(
        queries.double(), keys.double(), values.double(), attn_mask=mask, scale=scale, enable_gqa=True
    )
    return read.transpose(1, 2)
