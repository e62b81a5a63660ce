"""Vectors with their targets: what is refused, and how coordinates are brought to one scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from embedreg.core.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats: TypeAlias = NDArray[np.float64]

_CONSTANT: Final = 8
"""A coordinate is constant if it varies by no more than this many roundings of its largest value."""

_LARGEST: Final = 1e290

FRACTION_BITS: Final = 60
"""Standardised coordinates are rounded to these, far below their precision: any difference can be squared."""

_COLUMNS_AT_ONCE: Final = 32  # all at once take longer, and as much memory again


def checked(embeddings: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.floating], Floats]:
    """Return vectors, shape (n, d), and targets, shape (n,), as arrays.

    Raises
    ------
    DataError
        If shapes do not fit, or a value is not finite or beyond 1e290.
    """
    vectors, targets = np.asarray(embeddings), np.asarray(y, dtype=np.float64)
    if vectors.dtype.kind != "f":
        vectors = vectors.astype(np.float64)
    fits = vectors.ndim == 2 and targets.ndim == 1 and len(vectors) == len(targets)
    if not fits or len(targets) < 2 or not vectors.shape[1]:
        raise DataError(
            f"embeddings of shape {vectors.shape} and y of shape {targets.shape}",
            expected="embeddings of shape (n, d) and y of shape (n,), n at least 2 and d at least 1",
            mend="give one vector and one target a record",
        )
    for what, values in (("embeddings", vectors), ("y", targets)):
        if not np.isfinite(values).all():
            raise DataError(
                f"{what} with {np.count_nonzero(~np.isfinite(values))} values that are no finite number",
                expected="finite numbers",
                mend="leave those records out",
            )
    largest = float(max(vectors.max(), -vectors.min()))
    if largest > _LARGEST:  # of float64 alone, whose sums would overflow
        raise DataError(
            f"embeddings with values up to {largest}", expected=f"at most {_LARGEST}", mend="scale them"
        )
    return vectors, targets


def standardised(vectors: NDArray[np.floating]) -> Floats:
    """Return the coordinates that vary, with mean zero and variance one; shape (n, those)."""
    varying = varying_coordinates(vectors)
    points = np.empty((len(vectors), len(varying)))
    start = 0
    for columns in np.array_split(
        varying, -(-len(varying) // _COLUMNS_AT_ONCE) or 1
    ):  # a lone one would be summed otherwise
        points[:, start : start + len(columns)] = _standardised_columns(vectors[:, columns])
        start += len(columns)
    return points


def varying_coordinates(vectors: NDArray[np.floating]) -> NDArray[np.intp]:
    """Return which coordinates are not constant."""
    greatest, least = (found.astype(np.float64) for found in (vectors.max(axis=0), vectors.min(axis=0)))
    largest = np.maximum(greatest, -least)
    return np.flatnonzero(greatest - least > _CONSTANT * np.finfo(vectors.dtype).eps * largest)


def _standardised_columns(columns: NDArray[np.floating]) -> Floats:
    points = columns.astype(np.float64)
    points -= points.mean(axis=0)
    points /= np.abs(points).max(axis=0)  # so that squares neither overflow nor vanish
    points /= points.std(axis=0)
    points *= 2.0**FRACTION_BITS
    np.rint(points, out=points)
    points *= 2.0**-FRACTION_BITS
    return points
