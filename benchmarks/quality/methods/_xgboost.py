"""XGBoost on traditional features with a random search: 50 trials, chosen on validation rows, refitted on all rows.

The first trial is XGBoost's own defaults with a learning rate of 0.1; the others are drawn from SPACE. Each trial grows at most
2000 trees and stops when the validation error has not improved for 50. The trial with the least validation RMSE is
grown again on training and validation rows, with its number of trees. Columns are cut into 64 bins where there are more than
100 columns, as our own XGBoost head does, which takes a third of the time.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import xgboost as xgb

from benchmarks.quality.methods._base import Fitted, Method, Parts
from embedreg.features import TabularFeatures

if TYPE_CHECKING:
    from embedreg.core.records import Record

TRIALS = 50
MOST_TREES = 2000
PATIENCE = 50
WIDE = 100
BINS = {True: 64, False: 256}  # of a column, by whether there are more columns than WIDE
SPACE: dict[str, tuple[str, float, float]] = {
    "learning_rate": ("log", 0.02, 0.3),
    "max_depth": ("integer", 2, 10),
    "min_child_weight": ("log", 1, 20),
    "subsample": ("even", 0.5, 1),
    "colsample_bytree": ("even", 0.3, 1),
    "reg_lambda": ("log", 0.01, 10),
    "reg_alpha": ("log", 1e-4, 1),
    "gamma": ("log", 1e-6, 1),
}
"""How each parameter is drawn: evenly, as a whole number, or evenly in its logarithm; between which bounds."""


def drawn(rng: np.random.Generator) -> dict[str, Any]:
    """Return a point of SPACE."""
    return {name: _value(rng, *how) for name, how in SPACE.items()}


def _value(rng: np.random.Generator, how: str, low: float, high: float) -> float:
    if how == "integer":
        return int(rng.integers(int(low), int(high), endpoint=True))
    if how == "log":
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))
    return float(rng.uniform(low, high))


def _fit(parts: Parts, seed: int) -> Fitted:
    rng = np.random.default_rng(seed)
    trials = [{"learning_rate": 0.1}, *(drawn(rng) for _ in range(TRIALS - 1))]
    mean, scale = parts.train.y.mean(), parts.train.y.std() or 1.0
    features = TabularFeatures(random_state=seed).fit(parts.train.records)
    chosen_on = [
        (features.transform(part.records), (part.y - mean) / scale)
        for part in (parts.train, parts.validation)
    ]

    def tried(settings: dict[str, Any]) -> tuple[float, int]:
        train, validation = (xgb.DMatrix(X, y) for X, y in chosen_on)  # threads may not share one
        booster = xgb.train(
            _full(settings, seed, train),
            train,
            MOST_TREES,
            evals=[(validation, "validation")],
            early_stopping_rounds=PATIENCE,
            verbose_eval=False,
        )
        return float(booster.best_score), int(booster.best_iteration) + 1

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(tried, trials))
    best = min(range(TRIALS), key=lambda i: found[i][0])
    known = parts.known
    features = TabularFeatures(random_state=seed).fit(known.records)
    everything = xgb.DMatrix(features.transform(known.records), (known.y - mean) / scale)
    booster = xgb.train(_full(trials[best], seed, everything), everything, found[best][1])

    def predict(records: list[Record]) -> np.ndarray:
        return booster.predict(xgb.DMatrix(features.transform(records))).astype(np.float64) * scale + mean

    return Fitted(predict, chosen={**trials[best], "trees": found[best][1], "trial": best})


def _full(settings: dict[str, Any], seed: int, rows: xgb.DMatrix) -> dict[str, Any]:
    fixed = {"objective": "reg:squarederror", "nthread": 1, "seed": seed, "verbosity": 0}
    return {**fixed, "max_bin": BINS[rows.num_col() > WIDE], **settings}


XGBOOST = Method(
    "xgboost-tuned", _fit, settings={"version": 1, "trials": TRIALS, "trees": MOST_TREES, "space": SPACE}
)
