"""How rough a target is over a representation: the normalised Lipschitz factor distribution (NLFD)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

import numpy as np

from embedreg.core.devices import find_device, on_processor
from embedreg.core.errors import UsageError, unknown_name
from embedreg.smoothness._neighbours import Pairs, location_numbers, nearest_pairs
from embedreg.smoothness._vectors import checked, standardised

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from numpy.typing import ArrayLike, NDArray

    Floats: TypeAlias = NDArray[np.float64]
    # how many coordinates vary, the number of each record's vector (n,), and the neighbours of all
    Neighbours: TypeAlias = tuple[int, NDArray[np.intp], Iterator[Pairs]]

Scaling: TypeAlias = Literal["invariant", "paper"]
SCALINGS: Final[tuple[str, ...]] = get_args(Scaling)


@dataclass(frozen=True, eq=False)
class NLFD:
    """The factors of a data set over one representation.

    Attributes
    ----------
    factors
        One a record, shape (n,), in units of y for one unit of distance; NaN where there is none.
    mean, deviation
        Of the factors that there are (deviation with divisor n); NaN if there are none.
    without_factor
        How many records have no factor. That is none of them, unless all vectors are equal: then all.
    repeated
        How many records have a vector that another record has too. Such a record takes its neighbour
        elsewhere; what y does between equal vectors is in no factor.
    scaling
        How factors were rescaled for the dimension.
    """

    factors: Floats
    mean: float
    deviation: float
    without_factor: int
    repeated: int
    scaling: Scaling


def nlfd(embeddings: ArrayLike, y: ArrayLike, *, scaling: Scaling = "invariant", device: str = "cpu") -> NLFD:
    """Return the distribution of the Lipschitz factors; parameters and errors as for `lipschitz_factors`.

    Examples
    --------
    >>> line = np.arange(6.0)[:, None]
    >>> smooth, rough = nlfd(line, [0, 1, 2, 3, 4, 5]), nlfd(line, [0, 5, 1, 4, 2, 3])
    >>> round(smooth.mean, 2), round(rough.mean, 2)
    (1.71, 5.12)
    """
    factors, locations = _factors(embeddings, y, scaling, device)
    present = factors[~np.isnan(factors)]
    return NLFD(
        factors=factors,
        mean=float(present.mean()) if present.size else math.nan,
        deviation=float(present.std()) if present.size else math.nan,
        without_factor=len(factors) - len(present),
        repeated=int((np.bincount(locations)[locations] > 1).sum()),
        scaling=scaling,
    )


def lipschitz_factors(
    embeddings: ArrayLike, y: ArrayLike, *, scaling: Scaling = "invariant", device: str = "cpu"
) -> Floats:
    """Return how fast the target changes between each record and its nearest neighbour.

    Each coordinate is brought to mean zero and variance one over the records. With x' the nearest neighbour
    of x in l2 distance, the factor of x is ``|y(x) - y(x')| / ||phi(x) - phi(x')||``, rescaled for the
    dimension (Tang, Yang and Song, 2025, arXiv 2411.14708, section on the NLFD).

    What that leaves open is settled so that neither repeating every coordinate nor repeating every record
    changes anything:

    - *Rescaling.* A standardised vector has a norm of about sqrt(d). "invariant" divides vectors by sqrt(d),
      which brings that to one and multiplies factors by sqrt(d). "paper" is the literal reading, factors
      divided by sqrt(d); it makes a representation look the smoother the more coordinates it has.
    - *Constant coordinates* tell no records apart. They are dropped, and "invariant" counts d without them;
      "paper" counts the vector's whole length.
    - *Equal vectors* are at distance zero, where no factor is defined. Each record takes the nearest
      neighbour at a positive distance. If all vectors are equal, no record has a factor.
    - *Tied neighbours*, equal vectors among them, count alike: the mean of ``|y(x) - y(x')|`` over all of
      them.

    Neighbours are exact, found in blocks: time grows with n^2 d, memory with n d.

    Parameters
    ----------
    embeddings
        One vector a record, shape (n, d), n >= 2.
    y
        Targets, shape (n,), in any unit; factors are proportional to it.
    scaling
        "invariant" or "paper".
    device
        Where neighbours are sought: "cpu"; the PyTorch name of a GPU that computes in float64, such as "cuda:0"; or
        "auto", such a GPU if there is one. Neighbours and distances are the same everywhere, but for the rounding of
        standardised coordinates.

    Returns
    -------
    numpy.ndarray
        Shape (n,), in the order of the records; NaN where there is no factor.

    Raises
    ------
    DataError
        If shapes do not fit, or a value is not finite or beyond 1e290.
    UsageError
        If `scaling` is unknown, or there is no such device, or it does not compute in float64.

    Examples
    --------
    >>> square = [[0, 0], [0, 2], [2, 0], [2, 2]]  # every corner has two nearest neighbours
    >>> lipschitz_factors(square, [0, 1, 3, 3]).round(2)
    array([1.41, 1.06, 1.06, 0.71])
    """
    return _factors(embeddings, y, scaling, device)[0]


def smoothness_gap(trad: NLFD, llm: NLFD) -> float:
    """Return Z = (mean_trad - mean_llm) / sqrt(deviation_trad^2 + deviation_llm^2).

    Parameters
    ----------
    trad, llm
        Of the same records and y, with the same scaling: over traditional features, and over the language
        model's embedding.

    Returns
    -------
    float
        Positive if the embedding is the smoother one; free of the unit of y. 0.0 if both means are equal;
        infinite if only the deviations are zero; NaN if a side has no factors.

    Raises
    ------
    UsageError
        If the scalings, or the numbers of records, differ.

    Examples
    --------
    >>> line, y = np.arange(6.0)[:, None], np.array([0, 5, 1, 4, 2, 3])
    >>> in_order_of_y = nlfd(y[:, None], y)
    >>> smoothness_gap(nlfd(line, y), in_order_of_y) > 0
    True
    """
    if len(trad.factors) != len(llm.factors):
        raise UsageError(
            f"factors of {len(trad.factors)} and of {len(llm.factors)} records",
            expected="the same records on both sides",
            mend="compute both NLFDs on the same rows",
        )
    if trad.scaling != llm.scaling:
        raise UsageError(
            f'scalings "{trad.scaling}" and "{llm.scaling}"',
            expected="the same scaling on both sides",
            mend="compute both NLFDs with one scaling",
        )
    gap, spread = trad.mean - llm.mean, math.hypot(trad.deviation, llm.deviation)
    if spread > 0 or math.isnan(gap):
        return gap / spread
    return math.copysign(math.inf, gap) if gap else 0.0


def _factors(
    embeddings: ArrayLike, y: ArrayLike, scaling: Scaling, device: str
) -> tuple[Floats, NDArray[np.intp]]:
    """Return the factors and the number of each record's vector, both of shape (n,)."""
    if scaling not in SCALINGS:
        raise unknown_name("scaling", scaling, SCALINGS)
    gpu = _gpu(device)
    vectors, targets = checked(embeddings, y)
    width, locations, pairs_of_all = _on_processor(vectors) if gpu is None else _on_gpu(vectors, gpu)
    factors = np.full(len(targets), np.nan)
    if locations.any():
        for pairs in pairs_of_all:
            slopes = np.abs(targets[pairs.point] - targets[pairs.neighbour]) / pairs.distance
            points_with, first, count = np.unique(pairs.point, return_index=True, return_counts=True)
            factors[points_with] = np.add.reduceat(slopes, first) / count
    if scaling == "paper":
        return factors / math.sqrt(vectors.shape[1]), locations
    return factors * math.sqrt(width), locations


def _on_processor(vectors: NDArray[np.floating]) -> Neighbours:
    points = standardised(vectors)
    locations = location_numbers(points)
    return points.shape[1], locations, nearest_pairs(points, locations)


def _on_gpu(vectors: NDArray[np.floating], gpu: torch.device) -> Neighbours:
    from embedreg.smoothness._gpu_neighbours import GpuPoints

    points = GpuPoints(vectors, gpu)
    return points.width, points.locations, points.nearest_pairs()


def _gpu(device: str) -> torch.device | None:
    """Return the GPU that is meant, or None for the processor, which needs no torch."""
    if device == "cpu":
        return None
    found = find_device(device)
    if device == "auto" and found.type != "cuda":  # mps has no float64
        return None
    if found.type == "mps":
        raise UsageError(
            f"device={device!r}", expected="a device that computes in float64", mend="device='cpu'"
        )
    return None if on_processor(found) else found
