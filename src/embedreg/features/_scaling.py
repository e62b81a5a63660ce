"""Standardising: zero mean and unit deviation over the training values that are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from embedreg.features._column import Block


def mean_and_deviation(block: Block) -> tuple[Block, Block]:
    """Return the mean and deviation of each column, each of shape (k,), leaving out NaN.

    A column without variation has deviation 1, so that it standardises to exactly zero.
    """
    moments = np.array([_moments(column[~np.isnan(column)]) for column in block.T]).reshape(-1, 2)
    return moments[:, 0], moments[:, 1]


def _moments(values: Block) -> tuple[float, float]:
    if values.size == 0 or values.min() == values.max():
        return (float(values[0]) if values.size else 0.0), 1.0
    scale = np.abs(values).max()
    unit = values / scale  # squares of very large or very small values would overflow or vanish
    return float(unit.mean() * scale), float(unit.std() * scale) or 1.0


def standardise(block: Block, mean: Block, deviation: Block) -> Block:
    """Return the standardised block, NaN being put at the mean, that is at zero."""
    with np.errstate(over="ignore"):  # the caller bounds what overflows
        scaled = (block - mean) / deviation
    return np.where(np.isnan(block), 0.0, scaled)
