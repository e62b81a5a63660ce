"""Seconds of ridge regression over a grid of penalties by leave-one-out, ours beside scikit-learn's RidgeCV.

Both have the same standardised inputs, the same penalties and the same errors to choose by, and with several targets choose
one penalty a target.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import StandardScaler

from benchmarks.speed._options import Found, Options, Row
from benchmarks.speed._timing import in_turn
from embedreg.heads import Problem, RidgeHead, fit_many

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHAPES = ((400, 384), (400, 2304), (5000, 384))
TARGETS = (1, 8)
_QUICK = ((30, 5), (10, 20))
_DIRECTIONS = 40


def measure(options: Options) -> Found:
    rows: list[Row] = []
    for n, d in options.size(SHAPES, _QUICK):
        for targets in TARGETS:
            rows += _compared(n, d, targets, options.pairs)
    return Found(rows, settings={"penalties": len(RidgeHead().penalties)})


def ours(X: NDArray[np.float64], Y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the chosen penalties, one a target, as multiples of the trace."""
    heads = fit_many(RidgeHead(), [Problem(X, y) for y in Y.T])
    return np.array([head.chosen_["penalty"] for head in heads])


def theirs(X: NDArray[np.float64], Y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the chosen penalties, one a target, as multiples of the trace."""
    Z = StandardScaler().fit_transform(X)
    trace = float(np.square(Z).sum())
    model = RidgeCV(np.array(RidgeHead().penalties) * trace, alpha_per_target=Y.shape[1] > 1)
    return np.atleast_1d(model.fit(Z, Y if Y.shape[1] > 1 else Y[:, 0]).alpha_) / trace


def make_rows(n: int, d: int, targets: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw inputs (n, d) that vary in some directions much and in all a little, and targets (n, k) with noise."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(n, _DIRECTIONS))
    X = hidden @ rng.normal(size=(_DIRECTIONS, d)) + 0.5 * rng.normal(size=(n, d))
    return X, hidden @ rng.normal(size=(_DIRECTIONS, targets)) + rng.normal(size=(n, targets))


def _compared(n: int, d: int, targets: int, pairs: int) -> list[Row]:
    X, Y = make_rows(n, d, targets)
    agree = bool(np.allclose(ours(X, Y), theirs(X, Y)))  # the warm-up too
    calls = {
        "embedreg": functools.partial(ours, X, Y),
        "scikit-learn RidgeCV": functools.partial(theirs, X, Y),
    }
    taken = in_turn(calls, pairs)
    about = {"n": n, "d": d, "targets": targets, "agree": agree}
    for name, found in taken.items():
        print(
            f"ridge n={n} d={d} targets={targets}: {name}: {min(found):.4f} s, same penalties: {agree}",
            flush=True,
        )
    return [about | {"method": name, "seconds": found} for name, found in taken.items()]
