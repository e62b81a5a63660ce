"""Targets: what is predicted, as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from sklearn.utils.validation import column_or_1d

from embedreg.core.errors import DataError
from embedreg.core.real_numbers import first_rows, real_numbers

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from embedreg.core.records import Records

LARGEST: Final = 1e140
"""The squares of larger targets' errors could have a sum beyond all floating-point numbers."""

SMALLEST_SPREAD: Final = 1e-300
"""Targets that differ by less have differences that floating-point numbers hold in a few digits, or not at all."""


def check_targets(y: ArrayLike, records: Records) -> NDArray[np.float64]:
    """Return y as float64 of shape (n,) or (n, targets), or say which rows cannot be used.

    Raises
    ------
    DataError
        If they are no real numbers, masked, not finite, too large or too small to be told apart, or not as many
        as the records.
    """
    if y is None:
        raise DataError(
            "no y. This estimator requires y to be passed, but the target y is None",
            expected=f"{len(records)} numbers",
            mend="call fit(X, y)",
        )
    targets = _in_columns(real_numbers(y, "targets"))
    if len(targets) != len(records):
        raise DataError(
            f"{len(records)} records and {len(targets)} targets",
            expected="as many targets as records",
            mend="align X and y",
        )
    columns = targets if targets.ndim == 2 else targets[:, None]
    unusable = ~np.isfinite(columns)
    if unusable.any():
        raise DataError(
            f"{np.count_nonzero(unusable.any(axis=1))} targets that are NaN or infinite, the first in rows "
            f"{first_rows(unusable)}",
            expected="finite numbers",
            mend="drop those rows, or fill in their targets",
        )
    for column in columns.T if len(columns) else ():
        _check_size(column)
    return targets


def _in_columns(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return one or several columns; a column vector is one target, with scikit-learn's warning."""
    if numbers.ndim == 2 and numbers.shape[1] > 1:
        return numbers
    try:
        column: NDArray[np.float64] = column_or_1d(numbers, warn=True)
    except ValueError as error:
        raise DataError(
            f"targets that are no numbers of records ({error})",
            expected="one number a record, or a row of several",
            mend="give y in the shape (n,) or (n, targets)",
        ) from None
    return column


def _check_size(column: NDArray[np.float64]) -> None:
    """Refuse a target (n,) whose squares overflow, or whose differences underflow."""
    if np.abs(column).max() > LARGEST:
        raise DataError(
            f"targets from {column.min():g} to {column.max():g}",
            expected=f"targets of at most {LARGEST:g}, so that sums of their squares are floating-point numbers",
            mend="divide the targets by a constant",
        )
    if 0 < np.ptp(column) < SMALLEST_SPREAD:
        raise DataError(
            f"targets from {column.min():g} to {column.max():g}, which are too small to be told apart",
            expected=f"targets that differ by at least {SMALLEST_SPREAD:g}, or are all equal",
            mend="multiply the targets by a constant, or take their logarithms",
        )
