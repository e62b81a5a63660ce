"""Which candidates to measure next, from samples of their predictive distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from embedreg.core.errors import UsageError, unknown_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

ACQUISITIONS: Final = ("expected_improvement", "thompson")


def check_acquisition(acquisition: str, k: int, candidates: int) -> None:
    """Refuse what cannot be meant.

    Raises
    ------
    UsageError
        If there is no such acquisition, or `k` is not between 1 and the number of candidates.
    """
    if acquisition not in ACQUISITIONS:
        raise unknown_name("acquisition", acquisition, ACQUISITIONS)
    if not 1 <= k <= candidates:
        raise UsageError(
            f"k={k!r} of {candidates} candidates",
            expected="at least 1, and no more than there are",
            mend="give another k",
        )


def ranking(samples: NDArray[np.float64], k: int, acquisition: str, best: float) -> NDArray[np.intp]:
    """Return the k most promising candidates, the best first; by their mean where they promise the same.

    Parameters
    ----------
    samples
        Equally likely numbers of each candidate, shape (m, samples); small is good.
    k, acquisition
        As `check_acquisition` lets pass.
    best
        The smallest number known.
    """
    if acquisition == "thompson":
        return thompson_ranking(samples, k)
    return np.lexsort((samples.mean(axis=1), -expected_improvement(samples, best)))[:k]


def expected_improvement(samples: NDArray[np.float64], best: float) -> NDArray[np.float64]:
    """Return the mean amount by which each candidate is below the best number known.

    Parameters
    ----------
    samples
        Equally likely numbers of each candidate, shape (m, samples); small is good.
    best
        The smallest number known.

    Returns
    -------
    ndarray of shape (m,)

    Examples
    --------
    >>> expected_improvement(np.array([[1.0, 5.0], [2.0, 2.0], [4.0, 4.0]]), best=3.0)
    array([1., 1., 0.])
    """
    return np.asarray(np.maximum(best - samples, 0.0).mean(axis=1))


def thompson_ranking(samples: NDArray[np.float64], k: int) -> NDArray[np.intp]:
    """Return k different candidates: the best of one sample after another.

    Parameters
    ----------
    samples
        Equally likely numbers of each candidate, shape (m, samples); small is good.
    k
        How many, at most m. Where the samples name fewer, those with the best mean follow.

    Examples
    --------
    >>> thompson_ranking(np.array([[1.0, 5.0], [2.0, 2.0], [4.0, 4.0]]), k=3)
    array([0, 1, 2])
    """
    named = dict.fromkeys(np.argmin(samples, axis=0).tolist())
    ranked = [
        *named,
        *(i for i in np.argsort(samples.mean(axis=1), kind="stable").tolist() if i not in named),
    ]
    return np.array(ranked[:k], dtype=np.intp)
