"""What training perceptrons in bfloat16 does to them: Kendall tau beside that in float32, and beside what another seed does.

    python -m benchmarks.mlp_precision --output benchmarks/results/mlp_precision.json

From the root of the repository. The paper's sweep on traditional features and on MiniLM's embeddings of JSON, on the rows of the quality benchmark;
one seed gives the initial weights and the order of rows. EMBEDREG_DATA names the directory of tasks that do not come with embedreg.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.default_precision import EXACT, difference
from benchmarks.quality._grid import SUITES
from benchmarks.quality._run import parts_of
from embedreg import TextEmbedder
from embedreg.features import TabularFeatures
from embedreg.heads import MLPHead
from embedreg.study import evaluate
from embedreg.tasks import select_tasks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from embedreg.tasks import Task

WAYS: dict[str, dict[str, Any]] = {
    EXACT: {"dtype": EXACT},
    "bfloat16": {"dtype": "bfloat16"},
    "float32, another seed": {"dtype": EXACT, "random_state": 1},
}
REPRESENTATIONS = {"features": TabularFeatures, "embeddings": lambda: TextEmbedder(dtype=EXACT)}


def measured(task: Task, seed: int) -> Iterator[dict[str, Any]]:
    """Yield a row for each representation and way to train."""
    parts, test = parts_of(task, seed)
    for representation, make in REPRESENTATIONS.items():
        vectors = make().fit(parts.train.records)
        X, held_out, new = (vectors.transform(part.records) for part in (parts.train, parts.validation, test))
        for name, settings in WAYS.items():
            started = time.perf_counter()
            head = MLPHead(**settings).fit(X, parts.train.y, validation=(held_out, parts.validation.y))
            seconds = time.perf_counter() - started
            tau = evaluate(test.y, head.predict(new))["kendall_tau"]
            row = {"representation": representation, "task": task.name, "seed": seed, "dtype": name}
            yield row | {
                "kendall_tau": round(tau, 4),
                "fit_seconds": round(seconds, 2),
            }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--tasks", nargs="+", default=SUITES)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args()
    os.environ.setdefault("EMBEDREG_PROGRESS", "0")
    rows: list[dict[str, Any]] = []
    for task in select_tasks(options.tasks):
        for seed in options.seeds:
            rows += measured(task, seed)
            print(*rows[-len(WAYS) * len(REPRESENTATIONS) :], sep="\n", flush=True)
    summary = [
        {"representation": representation, "dtype": name, **difference(own, name)}
        for representation in REPRESENTATIONS
        for own in [[row for row in rows if row["representation"] == representation]]
        for name in WAYS
        if name != EXACT
    ]
    found = {"seeds": options.seeds, "less_float32": summary, "rows": rows}
    options.output.write_text(json.dumps(found, indent=None, separators=(",", ":")) + "\n")
    print(json.dumps(summary, indent=1))


if __name__ == "__main__":
    main()
