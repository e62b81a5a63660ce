"""Squared distances on a GPU: the same candidates as on a processor, from products in float64."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

BLOCK_ENTRIES: Final = 2**25  # distances held at once, 256 MiB; where all are tied, six times as much


class GpuProducts:
    """Squared distances ``|x|^2 + |y|^2 - 2 x . y``, which rounding makes wrong by less than (d + 8) eps (|x|^2 + |y|^2).

    Norms are made smaller by that share, so that what comes out is the least that a distance can be.

    Parameters
    ----------
    points
        Shape (n, d); they are held on the device once more.
    locations
        From `location_numbers`, shape (n,).
    tie
        Share by which squared distances may differ and count as equal.
    device
        A GPU that computes in float64.
    """

    def __init__(
        self, points: NDArray[np.float64], locations: NDArray[np.intp], tie: float, device: torch.device
    ) -> None:
        import torch

        n, d = points.shape
        self._points = torch.from_numpy(points).to(device)
        self._norms = self._points.square().sum(dim=1)
        self._rounding = (d + 8) * float(np.finfo(np.float64).eps)
        self._tie = tie
        self._locations = torch.from_numpy(locations).to(device)
        self._all_differ = bool(locations.max() + 1 == n)

    def candidates(
        self, block: slice
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64], NDArray[np.bool_]]:
        """Return all that may be nearest to the points of a block: `embedreg.smoothness._neighbours._Candidates`."""
        import torch

        squares = self._least_squares(block)  # (b, n)
        if self._all_differ:
            squares[:, block].fill_diagonal_(torch.inf)
        else:
            squares.masked_fill_(self._locations[block, None] == self._locations, torch.inf)
        least, nearest = squares.min(dim=1)
        slack = 2 * self._rounding * (self._norms[block] + self._norms[nearest])
        limit = torch.nextafter(least + slack + self._tie * least.abs(), torch.full_like(least, torch.inf))
        row, neighbour = (squares <= limit[:, None]).nonzero(as_tuple=True)
        doubtful = (slack > self._tie / 4 * least)[row]
        found = row + block.start, neighbour, squares[row, neighbour], doubtful
        point, other, square, unsure = (part.cpu().numpy() for part in found)
        return point, other, square, unsure

    def _least_squares(self, block: slice) -> torch.Tensor:
        share = 1 - self._rounding
        squares = self._points[block] @ self._points.T
        squares.mul_(-2).add_(self._norms, alpha=share)
        return squares.add_(self._norms[block, None], alpha=share)
