"""What a rougher precision does to the default: its Kendall tau on tasks with text beside that in float32, and the seconds of a fit.

    python -m benchmarks.default_precision --output benchmarks/results/default_precision.json

From the root of the repository. `dtype="auto"` comes to float32 or bfloat16; int8 is chosen by name alone. Rows are those of the quality
benchmark, the cache of embeddings is empty, and the precisions run in turn. EMBEDREG_DATA names the directory of tasks that do not come with embedreg.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import kendalltau, t

from benchmarks.quality._run import parts_of
from embedreg import EmbeddingRegressor
from embedreg.tasks import select_tasks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embedreg.tasks import Task

Row = dict[str, Any]
SUITES = ("mixed", "text", "molecules", "materials", "protein", "graphs")
EXACT, *ROUGH = DTYPES = ("float32", "bfloat16", "int8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    options = parser.parse_args()
    os.environ.setdefault("EMBEDREG_PROGRESS", "0")
    rows = [
        measured(task, seed, dtype)
        for task in select_tasks(SUITES)
        for seed in options.seeds
        for dtype in DTYPES
    ]
    differences = {dtype: difference(rows, dtype) for dtype in ROUGH}
    seconds = {
        dtype: round(float(np.median([row["fit_seconds"] for row in rows if row["dtype"] == dtype])), 2)
        for dtype in DTYPES
    }
    about = {
        "effort": "balanced",
        "seeds": options.seeds,
        "less_float32": differences,
        "median_seconds": seconds,
    }
    options.output.write_text(json.dumps(about | {"rows": rows}, indent=1) + "\n")
    print(json.dumps(about))


def measured(task: Task, seed: int, dtype: str) -> Row:
    """Return how well the default predicts in one precision, and how long its fit took."""
    parts, test = parts_of(task, seed)
    with tempfile.TemporaryDirectory() as cache:
        started = time.perf_counter()
        model = EmbeddingRegressor(dtype=dtype, cache=cache, random_state=seed)
        model.fit(parts.known.records, parts.known.y)
        seconds = time.perf_counter() - started
        tau = kendalltau(model.predict(test.records), test.y).statistic
    row = {"task": task.name, "seed": seed, "dtype": dtype}
    row |= {"kendall_tau": round(float(tau), 4), "fit_seconds": round(seconds, 2)}
    print(row, flush=True)
    return row


def difference(rows: Sequence[Row], dtype: str) -> dict[str, float]:
    """Return the mean of a precision's tau less float32's over tasks, seeds averaged, its 95% interval (Student's t), and the greatest."""
    exact = {(row["task"], row["seed"]): row["kendall_tau"] for row in rows if row["dtype"] == EXACT}
    by_task: dict[str, list[float]] = {}
    for row in rows:
        if row["dtype"] == dtype:
            by_task.setdefault(row["task"], []).append(row["kendall_tau"] - exact[row["task"], row["seed"]])
    means = np.array([np.mean(found) for found in by_task.values()])
    half = t.ppf(0.975, len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means))
    found = {"mean": means.mean(), "low": means.mean() - half, "high": means.mean() + half}
    found["greatest"] = means[np.abs(means).argmax()]
    return {"tasks": len(means)} | {name: round(float(value), 4) for name, value in found.items()}


if __name__ == "__main__":
    main()
