"""Which candidates to measure next, from what plausible functions say of them.

The functions are those that members and folds leave possible, so that they know of what the models disagree on and of
nothing else. Neither the noise of a measurement nor the width that an interval has as a warning, where a record is far from
the training records or lacks a value, is a reason to measure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from embedreg.core.arguments import is_number
from embedreg.core.errors import UsageError, unknown_name

if TYPE_CHECKING:
    from collections.abc import Iterable

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


def ranking(blocks: Iterable[NDArray[np.float64]], k: int, acquisition: str, best: float) -> NDArray[np.intp]:
    """Return the k most promising candidates, the best first; by their mean where they promise the same.

    Parameters
    ----------
    blocks
        Values of each function, some candidates after others, each of shape (rows, functions); small is good.
    k, acquisition
        As `check_acquisition` lets pass.
    best
        The smallest number known.
    """
    if acquisition == "thompson":
        return thompson_ranking(blocks, k)
    gains, means = [], []
    for values in blocks:
        gains.append(expected_improvement(values, best))
        means.append(values.mean(axis=1))
    return np.lexsort((np.concatenate(means), -np.concatenate(gains)))[:k]


def expected_improvement(values: NDArray[np.float64], best: float) -> NDArray[np.float64]:
    """Return the mean amount by which each candidate is below the best number known (Jones, Schonlau and Welch, 1998).

    Parameters
    ----------
    values
        Of each function, shape (m, functions); small is good.
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
    return np.asarray(np.maximum(best - values, 0.0).mean(axis=1))


def thompson_ranking(blocks: Iterable[NDArray[np.float64]], k: int) -> NDArray[np.intp]:
    """Return k different candidates: the best of one function after another (Thompson, 1933).

    To draw each of a batch by a function of its own is Kandasamy, Krishnamurthy, Schneider and Poczos (2018, "Parallelised
    Bayesian optimisation via Thompson sampling").

    Parameters
    ----------
    blocks
        Values of each function, some candidates after others, each of shape (rows, functions); small is good.
    k
        How many, at most as many as there are. Where the functions name fewer, those with the best mean follow.

    Examples
    --------
    >>> thompson_ranking([np.array([[1.0, 5.0], [2.0, 2.0]]), np.array([[4.0, 4.0]])], k=3)
    array([0, 1, 2])
    """
    least: NDArray[np.float64] = np.array(np.inf)
    place: NDArray[np.intp] = np.array(0)
    means: list[float] = []
    for values in blocks:
        own = values.min(axis=0)
        place = np.where(own < least, len(means) + values.argmin(axis=0), place)
        least = np.minimum(own, least)
        means += values.mean(axis=1).tolist()
    named = [*place.tolist(), *np.argsort(means, kind="stable").tolist()]
    return np.array(list(dict.fromkeys(named))[:k], dtype=np.intp)
