"""Numbers, standardised."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from embedreg.features._column import Block, Column, Settings
from embedreg.features._scaling import mean_and_deviation, standardise
from embedreg.features._values import LARGEST, number

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

_HEAVY: Final = 100.0


@dataclass(frozen=True, eq=False)
class NumberColumn(Column):
    """The number, its signed logarithm if its tail is heavy, and whether it is infinite.

    The tail is heavy where the largest magnitude is at least 100 times the median one, as for learning rates
    or buffer sizes; trees do not mind, a linear head does. An infinite value takes the place of the largest
    (smallest) finite training value and is marked +1 (-1) in a column of its own; without infinities in
    training it cannot be used.

    Attributes
    ----------
    low, high
        Smallest and largest finite training value.
    infinite
        Whether training had an infinite value.
    log_scale
        The magnitude from which asinh(x / log_scale) grows as the logarithm; 0 where the tail is not heavy.
    mean, deviation
        Of the number and its logarithm in training, shape (2,), or (1,) without the logarithm.
    """

    kind: ClassVar[str] = "number"
    low: float
    high: float
    infinite: bool
    log_scale: float
    mean: Block
    deviation: Block

    @classmethod
    def fit(cls, cells: Sequence[Any], _settings: Settings, /) -> Self:
        values = _as_array([None if cell is None else number(cell) for cell in cells])
        finite = values[np.isfinite(values)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
        log_scale = _log_scale(finite)
        mean, deviation = mean_and_deviation(_with_log(np.clip(values, low, high), log_scale))
        return cls(low, high, bool(np.isinf(values).any()), log_scale, mean, deviation)

    def read(self, cell: Any) -> float | None:
        value = number(cell)
        return None if value is not None and math.isinf(value) and not self.infinite else value

    def suffixes(self) -> list[str]:
        return ["", *([": log"] if self.log_scale else []), *([": infinite"] if self.infinite else [])]

    def encode(self, values: Sequence[float | None]) -> Block:
        array = _as_array(values)
        sign = np.where(np.isinf(array), np.sign(array), 0.0)
        array = np.where(sign > 0, self.high, np.where(sign < 0, self.low, array))
        block = standardise(_with_log(array, self.log_scale), self.mean, self.deviation)
        return np.column_stack([block, sign]) if self.infinite else block


def _as_array(values: Sequence[float | None]) -> Block:
    """Return the values as an array, with NaN for None."""
    return np.array([math.nan if value is None else value for value in values], dtype=np.float64)


def _log_scale(finite: Block) -> float:
    magnitudes = np.abs(finite[finite != 0])
    if magnitudes.size == 0 or magnitudes.max() / _HEAVY < np.median(magnitudes):
        return 0.0
    return float(max(np.quantile(magnitudes, 0.05), magnitudes.max() / LARGEST))


def _with_log(values: Block, log_scale: float) -> Block:
    """Return the values (n,), and their signed logarithms where there is a scale for them, as columns."""
    if not log_scale:
        return values[:, np.newaxis]
    with np.errstate(over="ignore"):  # asinh of what overflows is infinite, which the caller bounds
        return np.column_stack([values, np.arcsinh(values / log_scale)])
