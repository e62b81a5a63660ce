"""Weights of rows, as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from embedreg.core.errors import DataError
from embedreg.core.real_numbers import first_rows, real_numbers

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

SMALLEST_SHARE: Final = 1e-30
"""Boosted trees hold a weight, and its product with an error, in 32 bits, which end at 1e-38."""

_FEWEST: Final = 2


def check_weights(sample_weight: ArrayLike, rows: int) -> NDArray[np.float64]:
    """Return the weights of that many rows, shape (rows,), divided by the mean of those that are not zero.

    Only their ratios count, as boosted trees would take weights of 1e-3 for next to no rows.

    Parameters
    ----------
    sample_weight
        A weight a row, or one number for all.
    rows
        How many rows.

    Raises
    ------
    DataError
        If they are no numbers, not as many as the rows, not finite, negative, positive for fewer than 2 rows,
        or positive and below `SMALLEST_SHARE` of their mean.

    Examples
    --------
    >>> check_weights([0, 30, 10], 3)
    array([0. , 1.5, 0.5])
    """
    weights = real_numbers(sample_weight, "sample weights")
    weights = np.full(rows, weights) if weights.ndim == 0 else weights
    if weights.shape != (rows,):
        raise DataError(
            f"sample_weight of shape {weights.shape} for {rows} records",
            expected=f"shape ({rows},), one weight a record",
            mend="align sample_weight with X and y",
        )
    mend = "give rows that are not to count the weight 0"
    _refuse_rows(~np.isfinite(weights), "that are NaN or infinite", "finite numbers", mend)
    _refuse_rows(weights < 0, "that are negative", "weights of 0 or more", mend)
    positive = weights > 0
    if np.count_nonzero(positive) < _FEWEST:
        raise DataError(
            f"sample weights of which {np.count_nonzero(positive)} are positive and the others zero",
            expected=f"at least {_FEWEST} positive weights",
            mend="weigh more rows, or leave sample_weight out",
        )
    shares: NDArray[np.float64] = weights / weights.max()  # the mean of the weights themselves might overflow
    shares /= shares[positive].mean()
    lightest = f"weights of 0, or of at least {SMALLEST_SHARE:g} of their mean, as 32-bit numbers hold"
    _refuse_rows(positive & (shares < SMALLEST_SHARE), "too small beside the largest", lightest, mend)
    return shares


def _refuse_rows(wrong: NDArray[np.bool_], what: str, expected: str, mend: str) -> None:
    if wrong.any():
        raise DataError(
            f"{np.count_nonzero(wrong)} sample weights {what}, the first in rows {first_rows(wrong)}",
            expected=expected,
            mend=mend,
        )
