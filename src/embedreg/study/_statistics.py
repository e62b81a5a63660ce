"""Could a difference be chance? A test over seeds and a correction for many tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from embedreg.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike


def corrected_resampled_t_test(differences: ArrayLike, test_fraction_ratio: float) -> float:
    """Return the two-sided p value of a mean difference over random splits of the same data.

    The splits share training rows, so their differences are not independent, and an ordinary paired t-test
    finds a winner far too often. Nadeau and Bengio (2003, Inference for the generalization error, Machine
    Learning 52) widen the variance of the mean from 1/S to 1/S + n_test/n_train.

    Parameters
    ----------
    differences
        One a split, shape (S,), S >= 2.
    test_fraction_ratio
        n_test / n_train, 0.125 for a split of 8-1-1.

    Returns
    -------
    float
        1.0 when every difference is zero. 0.0, the limit, when all are equal but not zero.

    Raises
    ------
    UsageError
        If there are fewer than two differences, which leaves no spread to judge by.

    Examples
    --------
    >>> round(corrected_resampled_t_test([0.05, 0.07, 0.04, 0.06, 0.05], 1 / 8), 4)
    0.0011
    >>> corrected_resampled_t_test([0.0, 0.0], 1 / 8)
    1.0
    """
    values = np.asarray(differences, dtype=np.float64)
    if values.ndim != 1 or len(values) < 2:
        raise UsageError(
            f"differences of shape {values.shape}",
            expected="one difference a split, two splits at least",
            mend="use more seeds, or `bootstrap_p` for a single one",
        )
    if np.ptp(values) == 0:
        return 1.0 if values[0] == 0 else 0.0
    n_splits = len(values)
    variance_of_mean = (1 / n_splits + test_fraction_ratio) * values.var(ddof=1)
    return float(2 * stats.t.sf(abs(values.mean()) / np.sqrt(variance_of_mean), df=n_splits - 1))


def bootstrap_p(replicates: ArrayLike) -> float:
    """Return the two-sided p value of a bootstrapped difference: how often it is on the other side of zero.

    Parameters
    ----------
    replicates
        Paired bootstrap differences, shape (resamples,).

    Returns
    -------
    float
        At least 2 / (resamples + 1): a finite number of resamples cannot show less.

    Examples
    --------
    >>> bootstrap_p([0.1] * 99)
    0.02
    >>> bootstrap_p([0.0] * 99)
    1.0
    """
    values = np.asarray(replicates, dtype=np.float64)
    on_the_rarer_side = min(np.count_nonzero(values <= 0), np.count_nonzero(values >= 0))
    return float(min(1.0, 2 * (on_the_rarer_side + 1) / (len(values) + 1)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p values so that the chance of any false alarm among them stays at the level asked for.

    Holm (1979): the smallest is multiplied by their number k, the next by k - 1, and so on, never falling
    below one before it.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted = [1.0] * len(p_values)
    so_far = 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        so_far = max(so_far, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = so_far
    return adjusted
