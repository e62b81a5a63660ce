"""Exact nearest neighbours on a GPU: standardising, products in float64, and what is nearest, all of it there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from embedreg.core.errors import UsageError
from embedreg.smoothness._neighbours import TIE, Pairs, blocks, location_factors, locations_of_sums
from embedreg.smoothness._vectors import FRACTION_BITS, varying_coordinates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor

_BLOCK_ENTRIES: Final = 2**25  # distances held at once, 256 MiB; where all are tied, six times as much
_TILE: Final = 128  # rows that such a product's kernels take together


class GpuPoints:
    """Standardised vectors on a GPU, as `embedreg.smoothness._vectors.standardised` has them up to the last digit.

    Parameters
    ----------
    vectors
        Shape (n, d), finite.
    device
        That computes in float64.

    Attributes
    ----------
    width
        How many coordinates vary.
    locations
        A number for each point, the same for equal points and for no others; shape (n,).

    Raises
    ------
    UsageError
        If there is no room.
    """

    def __init__(self, vectors: NDArray[np.floating], device: torch.device) -> None:
        self._shape = vectors.shape
        self._device = device
        try:
            self._place(vectors)
        except torch.OutOfMemoryError as error:
            raise self._no_room() from error

    def _place(self, vectors: NDArray[np.floating]) -> None:
        n = len(vectors)
        varying = varying_coordinates(vectors)
        self.width = len(varying)
        if not self.width:
            self.locations = np.zeros(n, dtype=np.intp)
            return
        dtype = np.float32 if vectors.dtype.itemsize <= 4 else np.float64
        # |x - y|^2 = (-2x, |x|^2, 1) . (y, 1, |y|^2): see `embedreg.smoothness._neighbours._Products`
        self._right = torch.empty((n, self.width + 2), dtype=torch.float64, device=self._device)
        self._points = self._right[:, : self.width]
        rows_at_once = list(blocks(slice(0, n), _rows(n)))
        for rows in rows_at_once:
            self._points[rows] = torch.from_numpy(vectors[rows, varying].astype(dtype)).to(self._device)
        _standardise(self._points)
        self.locations = locations_of_sums(_sums(self._points), lambda i: self._points[i].cpu().numpy())
        self._rounding = (self.width + 8) * float(np.finfo(np.float64).eps)
        self._norms = torch.cat([self._points[rows].square().sum(dim=1) for rows in rows_at_once])
        self._right[:, -2] = 1
        self._right[:, -1] = (1 - self._rounding) * self._norms
        self._places = torch.from_numpy(self.locations).to(self._device)
        self._all_differ = bool(self.locations.max() + 1 == n)

    def nearest_pairs(self) -> Iterator[Pairs]:
        """Yield what `embedreg.smoothness._neighbours.nearest_pairs` does.

        Raises
        ------
        UsageError
            If there is no room.
        """
        n = len(self._points)
        for block in blocks(slice(0, n), _rows(n)):
            try:
                yield self._nearest(block)
            except torch.OutOfMemoryError as error:
                raise self._no_room() from error

    def _nearest(self, block: slice) -> Pairs:
        """Return the neighbours of a block's points: candidates first, then those that are nearest without cancellation."""
        squares = self._least_squares(block)  # (b, n)
        least, nearest = squares.min(dim=1)
        slack = 2 * self._rounding * (self._norms[block] + self._norms[nearest])
        limit = torch.nextafter(least + slack + TIE * least.abs(), torch.full_like(least, torch.inf))
        row, neighbour = (squares <= limit[:, None]).nonzero(as_tuple=True)
        square = squares[row, neighbour]
        del squares
        doubtful = (slack > TIE / 4 * least)[row].nonzero()[:, 0]
        square[doubtful] = self._squared_distances(row[doubtful] + block.start, neighbour[doubtful])

        least = least.scatter_reduce(0, row, square, "amin", include_self=False)
        kept = square <= least[row] * (1 + TIE)
        row, neighbour = row[kept], neighbour[kept]
        count = torch.bincount(row, minlength=len(least))
        first = count.cumsum(0) - count
        point = row + block.start
        distance = self._squared_distances(point[first], neighbour[first]).sqrt()
        return Pairs(*(found.cpu().numpy() for found in (point, neighbour, distance[row])))

    def _least_squares(self, block: slice) -> Tensor:
        """Return the least that squared distances (b, n) can be, but for rounding; infinite between equal points."""
        left = torch.cat(
            [self._points[block] * -2, self._right[block, -1:], self._right[block, -2:-1]], dim=1
        )
        squares = left @ self._right.T
        if self._all_differ:
            squares[:, block].fill_diagonal_(torch.inf)
        else:
            squares.masked_fill_(self._places[block, None] == self._places, torch.inf)
        return squares

    def _squared_distances(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the squared distances of pairs, shape (pairs,), without cancellation."""
        step = max(1, _BLOCK_ENTRIES // self.width)
        found = torch.empty(len(a), dtype=torch.float64, device=self._device)
        for some in blocks(slice(0, len(a)), step):
            torch.sum((self._points[a[some]] - self._points[b[some]]).square_(), dim=1, out=found[some])
        return found

    def _no_room(self) -> UsageError:
        n, d = self._shape
        return UsageError(
            f"{n:,} vectors of {d:,} numbers on {self._device}, which has no room for them in float64",
            expected=f"{8 * n * d / 2**30:.1f} GiB of its memory, and a little more",
            mend="device='cpu'",
        )


def _rows(n: int) -> int:
    """Return how many of n points are compared with all of them at once."""
    rows = max(1, _BLOCK_ENTRIES // n)
    return rows - rows % _TILE or rows


def _standardise(points: Tensor) -> None:
    """Bring coordinates (n, d) to mean zero and variance one, in place, by the steps of `standardised`."""
    points -= points.mean(dim=0)
    points /= torch.linalg.vector_norm(points, torch.inf, dim=0)
    points /= points.std(dim=0, correction=0)
    points.mul_(2.0**FRACTION_BITS).round_().mul_(2.0**-FRACTION_BITS)


def _sums(points: Tensor) -> NDArray[np.uint64]:
    """Return for each point what `embedreg.smoothness._neighbours.location_sums` does, shape (n,)."""
    factors = torch.from_numpy(location_factors(points.shape[1]).view(np.int64)).to(points.device)

    def summed(rows: Tensor) -> Tensor:
        bits = (rows + 0.0).view(torch.int64)
        bits ^= (bits >> 32) & (2**32 - 1)  # a shift of unsigned numbers
        return bits.mul_(factors).sum(dim=1)

    n = len(points)
    sums = torch.cat([summed(points[rows]) for rows in blocks(slice(0, n), _rows(n))])
    return sums.cpu().numpy().view(np.uint64)
