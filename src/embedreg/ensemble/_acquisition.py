"""Which candidates to measure next, from samples of their predictive distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from embedreg.core.arguments import is_number
from embedreg.core.errors import UsageError, unknown_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

ACQUISITIONS: Final = ("expected_improvement", "thompson")


def check_acquisition(
    acquisition: str, k: int, candidates: int, *, minimize: bool, best: float | None
) -> None:
    """Refuse what cannot be meant.

    Raises
    ------
    UsageError
        If there is no such acquisition, there are no candidates, `k` is no whole number between 1 and as many as
        they are, `minimize` is neither True nor False, or `best` is neither None nor a finite number.
    """
    if acquisition not in ACQUISITIONS:
        raise unknown_name("acquisition", acquisition, ACQUISITIONS)
    if not isinstance(minimize, (bool, np.bool_)):
        raise UsageError(
            f"minimize={minimize!r}", expected="True or False", mend="give False if large numbers are good"
        )
    if best is not None and not is_number(best):
        raise UsageError(
            f"best={best!r}",
            expected="a finite number",
            mend="leave it out for the best of the training data",
        )
    if not candidates:
        raise UsageError("no candidates", expected="at least one record", mend="give some to choose from")
    if not is_number(k) or k != int(k) or not 1 <= k <= candidates:
        raise UsageError(
            f"k={k!r} of {candidates} candidates",
            expected="a whole number, at least 1 and no more than there are",
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
