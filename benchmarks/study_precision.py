"""What bfloat16 does to the study's numbers: ridge's Kendall tau and the Lipschitz factors beside those in float32.

    python benchmarks/study_precision.py --output benchmarks/results/study_precision.json

MiniLM on BBOB's 24 functions, 500 rows of seed 0 with the study's split, nothing cached.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import kendalltau

from embedreg import TextEmbedder
from embedreg.heads import Problem, fit_many, make_head
from embedreg.serialize import input_numbers
from embedreg.smoothness import nlfd
from embedreg.study._rows import rows_of, take
from embedreg.study._splits import group_split
from embedreg.tasks import select_tasks

if TYPE_CHECKING:
    from numpy.typing import NDArray

DOFS = (10, 50)
ROWS, SEED = 500, 0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True)
    output = parser.parse_args().output
    rows = [measured(dof, dtype) for dof in DOFS for dtype in ("float32", "bfloat16")]
    output.write_text(json.dumps({"rows": ROWS, "seed": SEED, "found": rows}, indent=1) + "\n")
    print(output.read_text())


def measured(dof: int, dtype: str) -> dict[str, object]:
    """Return means over the functions of one dimension, which share their records."""
    tasks = select_tasks([f"bbob@{dof}"])
    records = tasks[0].load(SEED, ROWS).records
    split = group_split(input_numbers(records), seed=SEED, max_rows=ROWS)
    order, n, m = rows_of(split), len(split.train), len(split.validation)
    records = take(records, order)
    started = time.monotonic()
    vectors = TextEmbedder(model="minilm", dtype=dtype, cache=False).fit(records).transform(records)
    seconds = time.monotonic() - started
    targets: list[NDArray[np.float64]] = [task.load(SEED, ROWS).y[order] for task in tasks]
    heads = fit_many(make_head("ridge"), [Problem(vectors[:n], y[:n]) for y in targets])
    taus = [
        kendalltau(head.predict(vectors[n + m :]), y[n + m :]).statistic
        for head, y in zip(heads, targets, strict=True)
    ]
    return {
        "dof": dof,
        "dtype": dtype,
        "functions": len(tasks),
        "kendall_tau": round(float(np.mean(taus)), 5),
        # a geometric mean, as functions differ by ten orders of magnitude
        "lipschitz_factor": float(np.exp(np.mean([np.log(nlfd(vectors[:n], y[:n]).mean) for y in targets]))),
        "seconds": round(seconds, 1),
    }


if __name__ == "__main__":
    main()
