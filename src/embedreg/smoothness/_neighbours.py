"""Exact nearest neighbours at a positive distance, in bounded memory."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import numpy as np

from embedreg.core.products import linear_map

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Indices: TypeAlias = NDArray[np.intp]

_BLOCK_ENTRIES: Final = (
    2**22
)  # distances held at once, 16 MiB; where all are tied, about twenty times as much
_BLOCK_ROWS: Final = 512
"""Of wide points at least so many at once, or half their width: BLAS reads all points anew for each block."""
TIE: Final = 1e-9
"""Squared distances that differ by less than this share are equal but for rounding."""
_SUMMED_AT_ONCE: Final = 2**16  # numbers, half a MiB
_WORTH_TORCH: Final = 2**36  # multiplications, some .3 seconds; importing torch takes about a second
_PROCESS: Final = os.getpid()
_ONEDNN_ROUNDING: Final = "ONEDNN_DEFAULT_FPMATH_MODE"
_STRICT: Final = "STRICT"
_FEW: Final = 16
"""Candidates a point, on average, up to which taking each distance by itself is the quicker way."""


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
    return locations_of_sums(location_sums(points), points.__getitem__)


def locations_of_sums(sums: NDArray[np.uint64], point: Callable[[int], Floats]) -> Indices:
    """Return what `location_numbers` does from sums that are the same for equal points, shape (n,), and the i-th point itself."""
    _, group, size = np.unique(sums, return_inverse=True, return_counts=True)
    names: list[int | bytes] = sums.tolist()
    for i in np.flatnonzero(size[group] > 1).tolist():  # equal points, or unequal ones that agree in this
        names[i] = hashlib.blake2b((point(i) + 0.0).tobytes(), digest_size=16).digest()
    seen: dict[int | bytes, int] = {}
    return np.array([seen.setdefault(name, len(seen)) for name in names], dtype=np.intp)


def location_factors(d: int) -> NDArray[np.uint64]:
    """Return an odd number for each coordinate, shape (d,)."""
    return np.random.default_rng(0).integers(2**63, size=d, dtype=np.uint64) * 2 + 1


def location_sums(points: Floats) -> NDArray[np.uint64]:
    """Return for each point a sum of its coordinates' bits, each times an odd number of its own, modulo 2^64; shape (n,)."""
    n, d = points.shape
    factors = location_factors(d)
    sums = np.empty(n, dtype=np.uint64)
    for block in blocks(slice(0, n), max(1, _SUMMED_AT_ONCE // max(1, d))):
        bits = (points[block] + 0.0).view(np.uint64)  # -0.0 becomes 0.0
        bits ^= bits >> np.uint64(
            32
        )  # the last of most coordinates' bits are zero, and would be of their products
        bits *= factors
        bits.sum(axis=1, out=sums[block])
    return sums


def nearest_pairs(points: Floats, locations: Indices) -> Iterator[Pairs]:
    """Yield the nearest neighbours of every point, a block of successive points at a time.

    Equal points are no neighbours of each other: the nearest one elsewhere counts, and every one tied with
    it.

    Squared distances come from one matrix product a block, in float32. Its rounding has a bound, and whatever may be
    nearest within that bound is taken again from differences of coordinates in float64. Where that is too much, as
    where points nearly coincide or many are tied, the block is done again in float64 from the start.

    Parameters
    ----------
    points
        Shape (n, d), roughly centred; not all equal.
    locations
        From `location_numbers`, shape (n,).
    """
    n, d = points.shape
    coarse, fine = _Products(points, np.float32), None
    for block in blocks(slice(0, n), max(_BLOCK_ENTRIES // n, min(_BLOCK_ROWS, d // 2), 1)):
        # functions of their own, so that one block's distances are gone before the next one's are made
        candidates = coarse.candidates(locations, block)
        if len(candidates.point) <= _FEW * (block.stop - block.start):
            yield _pairs_among(points, candidates)
            continue
        fine = fine or _Products(points, np.float64)
        for part in blocks(block, max(1, _BLOCK_ENTRIES // n)):
            yield _pairs_among(points, fine.candidates(locations, part))


def blocks(whole: slice, rows: int) -> Iterator[slice]:
    """Cut a slice into slices of so many rows, the last of them with what is left."""
    for start in range(whole.start, whole.stop, rows):
        yield slice(start, min(start + rows, whole.stop))


class _Candidates(NamedTuple):
    """Pairs of which each point's nearest are some, ascending by point."""

    point: Indices
    neighbour: Indices
    square: Floats  # of the distance, less the bound of its rounding
    doubtful: NDArray[np.bool_]  # whether that bound may change what is nearest


class _Products:
    """Squared distances from matrix products: ``|x - y|^2 = (-2x, |x|^2, 1) . (y, 1, |y|^2)``.

    Of many points, products in float32 are torch's, by `embedreg.core.products`: on two cores of an AMD EPYC twice as fast
    as numpy's.

    Rounding the d + 2 products and their sums, and before that x, y and the norms, makes them wrong by less than
    (d + 8) eps (|x|^2 + |y|^2). The norms are made smaller by that share, so that what comes out is the least that
    the distance can be.
    """

    def __init__(self, points: Floats, dtype: type[np.floating]) -> None:
        n, d = points.shape
        self._rounding = (d + 8) * float(np.finfo(dtype).eps)
        self._norms = np.einsum("nd,nd->n", points, points)
        right = np.empty((n, d + 2), dtype)
        right[:, :d] = points
        right[:, d] = 1
        right[:, d + 1] = (1 - self._rounding) * self._norms
        self._points, self._last = points, right[:, d + 1].copy()
        self._multiply = _by_right(right)

    def candidates(self, locations: Indices, block: slice) -> _Candidates:
        """Return all that may be nearest to the points of a block."""
        squares = self._least_squares(block)  # (b, n)
        if locations.max() + 1 == len(locations):
            np.fill_diagonal(squares[:, block], np.inf)
        else:
            squares[locations[block, None] == locations] = np.inf
        nearest = squares.argmin(axis=1)
        least = squares[np.arange(len(nearest)), nearest].astype(np.float64)
        slack = 2 * self._rounding * (self._norms[block] + self._norms[nearest])
        limit = (least + slack + TIE * np.abs(least)).astype(squares.dtype)
        limit = np.nextafter(limit, limit.dtype.type(np.inf))
        row, neighbour = np.divmod(np.flatnonzero(squares <= limit[:, None]), len(locations))
        doubtful = (slack > TIE / 4 * least)[row]
        return _Candidates(row + block.start, neighbour, squares[row, neighbour].astype(np.float64), doubtful)

    def _least_squares(self, block: slice) -> NDArray[np.floating]:
        points = self._points[block]
        left = np.ones((len(points), points.shape[1] + 2), self._last.dtype)
        left[:, :-2] = points
        left[:, :-2] *= -2
        left[:, -2] = self._last[block]
        return self._multiply(left)


def _by_right(right: NDArray[np.floating]) -> Callable[[NDArray[np.floating]], NDArray[np.floating]]:
    """Return what multiplies rows (b, d) by those of `right` (n, d), giving (b, n)."""
    n, d = right.shape
    if right.dtype != np.float32 or n * n * d < _WORTH_TORCH or not _is_torch_exact():
        return lambda left: np.asarray(left @ right.T)
    import torch

    product = linear_map(torch.from_numpy(right), None)

    def by_torch(left: NDArray[np.floating]) -> NDArray[np.floating]:
        with torch.inference_mode():
            return np.asarray(product(torch.from_numpy(left)).numpy())

    return by_torch


def _is_torch_exact() -> bool:
    """Return whether torch's products of float32 can be had here, and round as float32 does.

    They cannot in a forked process, where torch's threads are not; and a setting lets them round as bfloat16 does.
    """
    if os.getpid() != _PROCESS or os.environ.get(_ONEDNN_ROUNDING, _STRICT).upper() != _STRICT:
        return False
    import torch

    return torch.get_float32_matmul_precision() == "highest"


def _pairs_among(points: Floats, candidates: _Candidates) -> Pairs:
    """Return the nearest neighbours among candidates, with distances free of cancellation where that matters."""
    point, neighbour, square, doubtful = candidates
    square[doubtful] = _squared_distances(points, point[doubtful], neighbour[doubtful])
    return _closest(points, point, neighbour, square)


def _closest(points: Floats, point: Indices, neighbour: Indices, squares: Floats) -> Pairs:
    """Keep the candidates that are as near as the nearest, each point having one at least."""
    _, first, count = np.unique(point, return_index=True, return_counts=True)
    least = np.repeat(np.minimum.reduceat(squares, first), count)
    kept = squares <= least * (1 + TIE)
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
