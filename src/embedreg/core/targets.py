"""Targets: what is predicted, as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils.validation import column_or_1d

from embedreg.core.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from embedreg.core.records import Records


def check_targets(y: ArrayLike, records: Records) -> NDArray[np.float64]:
    """Return y as float64 of shape (n,) or (n, targets), or say which rows cannot be used.

    Raises
    ------
    DataError
        If they are no numbers, not finite, or not as many as the records.
    """
    if y is None:
        raise DataError(
            "no y. This estimator requires y to be passed, but the target y is None",
            expected=f"{len(records)} numbers",
            mend="call fit(X, y)",
        )
    targets = _as_numbers(y)
    if len(targets) != len(records):
        raise DataError(
            f"{len(records)} records and {len(targets)} targets",
            expected="as many targets as records",
            mend="align X and y",
        )
    unusable = np.flatnonzero(~np.isfinite(targets if targets.ndim == 2 else targets[:, None]).all(axis=1))
    if len(unusable):
        rows = ", ".join(map(str, unusable[:5]))
        raise DataError(
            f"{len(unusable)} targets that are NaN or infinite (inf), the first in rows {rows}",
            expected="finite numbers",
            mend="drop those rows, or fill in their targets",
        )
    return targets


def _as_numbers(y: ArrayLike) -> NDArray[np.float64]:
    """Return an array of one or several columns; a column vector is one target, with scikit-learn's warning."""
    given = np.asarray(y)
    try:
        if given.ndim == 2 and given.shape[1] > 1:
            return given.astype(np.float64)
        column: NDArray[np.float64] = column_or_1d(given, warn=True).astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"targets that are no numbers ({error})", expected="one number a record", mend="convert y"
        ) from None
    return column
