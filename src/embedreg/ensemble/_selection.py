"""Weights of members, from their out-of-fold predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROUNDS: Final = 40


def greedy_weights(
    predictions: NDArray[np.float64],
    target: NDArray[np.float64],
    sample_weight: NDArray[np.float64] | None = None,
    *,
    rounds: int = _ROUNDS,
) -> NDArray[np.float64]:
    """Choose members one at a time, with replacement, each time the one that makes their mean best.

    Greedy forward selection of Caruana, Niculescu-Mizil, Crew and Ksikes (ICML 2004), on squared error.

    Parameters
    ----------
    predictions
        Out-of-fold predictions, shape (n, members).
    target
        Shape (n,).
    sample_weight
        Shape (n,), or None for equal weights.
    rounds
        How many choices; the best mean on the way is returned.

    Returns
    -------
    ndarray of shape (members,)
        Not negative, with sum 1.

    Examples
    --------
    >>> target = np.array([0.0, 1.0, 2.0, 3.0])
    >>> over, under, off = target + 1, target - 1, -target
    >>> greedy_weights(np.column_stack([over, under, off]), target)
    array([0.5, 0.5, 0. ])
    """
    total = np.zeros(len(target))
    chosen = np.zeros(predictions.shape[1])
    best_error, best = np.inf, chosen
    for count in range(1, rounds + 1):
        means = (total[:, None] + predictions) / count  # (n, members)
        errors = np.average((means - target[:, None]) ** 2, axis=0, weights=sample_weight)
        pick = int(np.argmin(errors))
        total += predictions[:, pick]
        chosen[pick] += 1
        if errors[pick] < best_error:
            best_error, best = float(errors[pick]), chosen / count
    return best
