"""Which candidates say something new, and which were measured or are there twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from embedreg.core.warn import warn

if TYPE_CHECKING:
    from numpy.typing import NDArray


def by_newness(inputs: NDArray[np.uint64], measured: NDArray[np.uint64]) -> list[NDArray[np.intp]]:
    """Return the positions of candidates that are new, of those that were measured, and of repeats of both.

    Parameters
    ----------
    inputs
        The hash of each candidate, shape (m,).
    measured
        Hashes of training inputs.

    Examples
    --------
    >>> new, known, repeated = by_newness(np.array([7, 5, 7, 5, 3]), measured=np.array([5]))
    >>> new.tolist(), known.tolist(), repeated.tolist()
    ([0, 4], [1], [2, 3])
    """
    first = np.zeros(len(inputs), dtype=np.bool_)
    first[np.unique(inputs, return_index=True)[1]] = True
    known = np.isin(inputs, measured)
    return [np.flatnonzero(some) for some in (first & ~known, first & known, ~first)]


def warn_of_few(k: int, new: int) -> None:
    """Say how many of k suggestions were measured already, or are there twice, as only so many candidates are new.

    Warns
    -----
    EmbedregWarning
        If those are fewer than k.
    """
    if new < k:
        warn(
            f"{k - new} of the {k} suggestions repeat an input: of the candidates only {new} are new, "
            "the others were measured in training or equal another candidate"
        )
