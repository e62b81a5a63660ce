"""Exact nearest neighbours at a positive distance, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Indices: TypeAlias = NDArray[np.intp]

_BLOCK_ENTRIES: Final = 2**22  # distances held at once, 32 MiB; where all are tied, about ten times as much
_TIE: Final = 1e-9
"""Squared distances that differ by less than this share are equal but for rounding."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Some points with their nearest neighbours, as many pairs a point as neighbours are tied.

    Attributes
    ----------
    point, neighbour
        Indices, shape (pairs,), ascending by point.
    distance
        Euclidean, shape (pairs,). The same for all pairs of a point.
    """

    point: Indices
    neighbour: Indices
    distance: Floats


def location_numbers(points: Floats) -> Indices:
    """Return a number for each point, the same for equal points and for no others; shape (n,)."""
    seen: dict[bytes, int] = {}
    rows = (row + 0.0 for row in points)  # -0.0 becomes 0.0
    return np.array([seen.setdefault(row.tobytes(), len(seen)) for row in rows], dtype=np.intp)


def nearest_pairs(points: Floats, locations: Indices) -> Iterator[Pairs]:
    """Yield the nearest neighbours of every point, a block of successive points at a time.

    Equal points are no neighbours of each other: the nearest one elsewhere counts, and every one tied with
    it.

    Squared distances come from one matrix product a block. Rounding makes them wrong by up to about d eps
    times the squared norms, which matters where points nearly coincide: there they are taken again from
    differences of coordinates.

    Parameters
    ----------
    points
        Shape (n, d), roughly centred; not all equal.
    locations
        From `location_numbers`, shape (n,).
    """
    norms = np.einsum("nd,nd->n", points, points)
    step = max(1, _BLOCK_ENTRIES // len(points))
    for start in range(0, len(points), step):
        # a function of its own, so that one block's distances are gone before the next one's are made
        yield _pairs_of_block(points, norms, locations, slice(start, start + step))


def _pairs_of_block(points: Floats, norms: Floats, locations: Indices, block: slice) -> Pairs:
    rounding = 4 * np.finfo(np.float64).eps * points.shape[1]
    least_possible = points[block] @ points.T  # (b, n), to be the squared distances less their rounding
    least_possible *= -2
    least_possible += (1 - rounding) * norms
    least_possible += (1 - rounding) * norms[block, None]
    least_possible[locations[block, None] == locations] = np.inf
    nearest = least_possible.argmin(axis=1)
    least = least_possible[np.arange(len(nearest)), nearest]
    slack = 2 * rounding * (norms[block] + norms[nearest])
    limit = least + slack + _TIE * np.abs(least)
    point, neighbour = np.nonzero(least_possible <= limit[:, None])
    squares = least_possible[point, neighbour]
    doubtful = (slack > _TIE / 4 * least)[point]
    squares[doubtful] = _squared_distances(points, point[doubtful] + block.start, neighbour[doubtful])
    return _closest(points, point + block.start, neighbour, squares)


def _closest(points: Floats, point: Indices, neighbour: Indices, squares: Floats) -> Pairs:
    """Keep the candidates that are as near as the nearest, each point having one at least."""
    _, first, count = np.unique(point, return_index=True, return_counts=True)
    least = np.repeat(np.minimum.reduceat(squares, first), count)
    kept = squares <= least * (1 + _TIE)
    point, neighbour = point[kept], neighbour[kept]
    _, first, count = np.unique(point, return_index=True, return_counts=True)
    distance = np.sqrt(_squared_distances(points, point[first], neighbour[first]))
    return Pairs(point, neighbour, np.repeat(distance, count))


def _squared_distances(points: Floats, a: Indices, b: Indices) -> Floats:
    """Return the squared distances of pairs, shape (pairs,), without cancellation."""
    result = np.empty(len(a))
    step = max(1, _BLOCK_ENTRIES // points.shape[1])
    for start in range(0, len(a), step):
        part = slice(start, start + step)
        difference = points[a[part]] - points[b[part]]
        result[part] = np.einsum("pd,pd->p", difference, difference)
    return result
