"""Batches from ids and masks as transformers takes them."""

from __future__ import annotations

import torch

from embedreg.embed._batch import Batch


def batch_of(ids, mask=None, pad=0):
    """Return the batch of ids (b, t), where mask is 1, on the processor."""
    mask = torch.ones_like(ids) if mask is None else mask
    windows = [row[: int(real.sum())].numpy() for row, real in zip(ids, mask, strict=True)]
    return Batch(windows, pad, torch.device("cpu"))
