"""What the default's boosted trees lose by fewer bins and less depth where there are many columns.

    python benchmarks/tree_settings.py --output benchmarks/results/tree_settings.json

Kendall tau on rows that were not fitted, and processor seconds of a fit: on development tasks with more than 100 traditional features, and on made tables of
2,000 columns, of which some count. Some tasks need EMBEDREG_DATA.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import kendalltau

from embedreg.ensemble import MEMBERS
from embedreg.ensemble._target import NormalScores
from embedreg.features import TabularFeatures
from embedreg.study._rows import take
from embedreg.tasks import select_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Parts = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]

TASKS = (
    "mixed/wine_vivino",
    "mixed/employee_salaries",
    "text/word_complexity",
    "xla/db_history14",
    "xla/db_history26",
)
FITTED, SCORED, SEEDS = 450, 500, (0, 1, 2)
MADE_FITTED, MADE_COLUMNS, COUNTING, NOISE = 300, 2_000, (1, 10, 100), 0.1
DEFAULT = next(member for member in MEMBERS if member.name == "boosted trees")
SETTINGS: dict[str, tuple[tuple[int, dict[str, int]], ...]] = {
    "64 bins, depth 6": ((100, {"max_bin": 64}),),
    "32 bins, depth 6": ((100, {"max_bin": 32}),),
    "32 bins, depth 3": ((100, {"max_bin": 32, "max_depth": 3}),),
}


def real(name: str, seed: int) -> Parts:
    """Return features and targets to fit, and others to score."""
    data = select_tasks([name])[0].load(seed, FITTED + SCORED)
    order = np.random.default_rng(seed).permutation(len(data.y))
    fitted, scored = order[:FITTED], order[FITTED:]
    features = TabularFeatures().fit(take(data.records, fitted))
    X, new = (features.transform(take(data.records, rows)) for rows in (fitted, scored))
    return X, data.y[fitted], new, data.y[scored]


def made(counting: int, seed: int) -> Parts:
    """Return normal columns, some of which count, with normal weights."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(MADE_FITTED + SCORED, MADE_COLUMNS))
    y = X[:, :counting] @ rng.normal(size=counting)
    y = y / y.std() + NOISE * rng.normal(size=len(y))
    return X[:MADE_FITTED], y[:MADE_FITTED], X[MADE_FITTED:], y[MADE_FITTED:]


def measured(parts: Parts, seed: int) -> Iterator[dict[str, Any]]:
    """Yield a row for each of the settings."""
    X, y, new, truth = parts
    scores = NormalScores.learn(y).transform(y)
    for name, wide in SETTINGS.items():
        head = replace(DEFAULT, wide_settings=wide).make(seed, X.shape[1])
        started = time.process_time()
        head.fit(X, scores)
        seconds = time.process_time() - started
        tau = kendalltau(truth, head.predict(new)).statistic
        yield {
            "columns": X.shape[1],
            "seed": seed,
            "settings": name,
            "tau": round(float(tau), 4),
            "processor_seconds": round(seconds, 2),
        }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True)
    output = parser.parse_args().output
    os.environ["OMP_NUM_THREADS"] = "1"
    tables: dict[str, Callable[[int], Parts]] = {name: functools.partial(real, name) for name in TASKS}
    tables |= {
        f"made, {counting} of {MADE_COLUMNS:,} columns count": functools.partial(made, counting)
        for counting in COUNTING
    }
    rows = []
    for table, parts in tables.items():
        for seed in SEEDS:
            rows += [{"table": table} | row for row in measured(parts(seed), seed)]
            print(*rows[-len(SETTINGS) :], sep="\n", flush=True)
    output.write_text(json.dumps({"fitted": FITTED, "rows": rows}, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
