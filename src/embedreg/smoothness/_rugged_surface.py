"""Vectors laid out in the plane: coloured by the target, they show how rugged a surface it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from embedreg.core.errors import UsageError
from embedreg.smoothness._neighbours import location_numbers
from embedreg.smoothness._vectors import checked, standardised

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats: TypeAlias = NDArray[np.float64]

TSNE: Final = "t-SNE"
PCA: Final = "PCA"
_LEAST_DISTINCT: Final = 10
_PERPLEXITY: Final = 30.0


@dataclass(frozen=True, eq=False)
class RuggedSurface:
    """Records in the plane.

    Attributes
    ----------
    points
        Shape (m, 2). Only what is near what has a meaning; axes and units have none under t-SNE.
    y
        Their targets, shape (m,).
    rows
        Which records they are, shape (m,), ascending.
    method
        "t-SNE" or "PCA".
    why
        Why it is not t-SNE; empty if it is.
    """

    points: Floats
    y: Floats
    rows: NDArray[np.intp]
    method: str
    why: str


def rugged_surface(
    vectors: ArrayLike, y: ArrayLike, *, max_points: int = 1000, seed: int = 0
) -> RuggedSurface:
    """Lay vectors out in the plane by t-SNE, or by principal components where t-SNE does not apply.

    Coordinates are standardised first, as for the NLFD. t-SNE needs neighbourhoods: under ten distinct
    vectors, or under two coordinates that vary, the two first principal components are taken, and `why` says
    so.

    Parameters
    ----------
    vectors, y
        Shapes (n, d) and (n,), n >= 2.
    max_points
        A random sample of so many is laid out if there are more.
    seed
        Of the sample and of t-SNE.

    Raises
    ------
    DataError
        If shapes do not fit or a value is not finite.
    UsageError
        If `max_points` is under 2.

    Examples
    --------
    >>> found = rugged_surface(np.eye(4), [1.0, 2.0, 3.0, 4.0])
    >>> found.points.shape, found.method, found.why
    ((4, 2), 'PCA', 'fewer than 10 distinct vectors')
    """
    if max_points < 2:
        raise UsageError(f"max_points={max_points}", expected="at least 2", mend="leave it at 1000")
    table, targets = checked(vectors, y)
    rows = np.arange(len(targets))
    if len(rows) > max_points:
        rows = np.sort(np.random.default_rng(seed).choice(len(rows), size=max_points, replace=False))
    points = standardised(table[rows])
    why = _why_not_tsne(points)
    flat = _principal_components(points) if why else _tsne(points, seed)
    return RuggedSurface(flat, targets[rows], rows, PCA if why else TSNE, why)


def _why_not_tsne(points: Floats) -> str:
    if points.shape[1] < 2:
        return "fewer than 2 coordinates vary"
    if location_numbers(points).max() + 1 < _LEAST_DISTINCT:
        return f"fewer than {_LEAST_DISTINCT} distinct vectors"
    return ""


def _tsne(points: Floats, seed: int) -> Floats:
    from sklearn import manifold  # noqa: PLC0415 (scikit-learn, which an NLFD alone does without)

    perplexity = min(_PERPLEXITY, (len(points) - 1) / 3)
    layout = manifold.TSNE(perplexity=perplexity, init="pca", learning_rate="auto", random_state=seed)
    return np.asarray(layout.fit_transform(points), dtype=np.float64)


def _principal_components(points: Floats) -> Floats:
    """Return the two first, shape (m, 2), zero where there are fewer; the largest entry of each is positive."""
    flat = np.zeros((len(points), 2))
    if points.shape[1]:
        left, sizes, _ = np.linalg.svd(points, full_matrices=False)
        scores = (left * sizes)[:, :2]
        largest = scores[np.abs(scores).argmax(axis=0), np.arange(scores.shape[1])]
        flat[:, : scores.shape[1]] = scores * np.where(largest < 0, -1.0, 1.0)
    return flat
