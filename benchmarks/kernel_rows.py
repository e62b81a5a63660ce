"""What the default loses when its Gaussian processes learn their kernels on fewer rows, and what it saves.

    python -m benchmarks.kernel_rows --output benchmarks/results/kernel_rows.json

Each fit is of `ROWS` records, the most that Gaussian processes take part with; Kendall tau is on records that were not fitted. Some tasks need EMBEDREG_DATA.
Do nothing else on the machine meanwhile: its load is noted.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from unittest import mock

import numpy as np
from scipy.stats import kendalltau

from benchmarks.speed._machine import machine
from embedreg import EmbeddingRegressor
from embedreg.heads import _gp
from embedreg.study._rows import take
from embedreg.tasks import select_tasks

TASKS = (
    "bbob/rastrigin@20",
    "bbob/gallagher101@10",
    "bbob/schaffers10@5",
    "bbob/rosenbrock@50",
    "automl/hpobench_car",
    "automl/hpobench_credit_g",
    "init2winit/fcnet_protein_structure",
    "xla/kernel_gemm_RTX3090",
    "xla/db_SYSBENCH_20knob",
    "l2da/fbnet_raspi4",
    "l2da/nb201_fpga",
    "mixed/wine_vivino",
)
ROWS, SCORED, SEED = 2_000, 1_000, 0
EFFORT = "fast"
SEARCHED = (1_000, 500)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True)
    output = parser.parse_args().output
    rows = []
    for task in select_tasks(TASKS):
        data = task.load(SEED, ROWS + SCORED)
        order = np.random.default_rng(SEED).permutation(len(data.y))
        fitted, scored = order[:ROWS], order[ROWS : ROWS + SCORED]
        for searched in SEARCHED:
            load, started = os.getloadavg()[0], time.monotonic()
            with mock.patch.object(_gp, "_SEARCH_ROWS", searched):
                model = EmbeddingRegressor(effort=EFFORT, random_state=SEED)
                model.fit(take(data.records, fitted), data.y[fitted])
            seconds = time.monotonic() - started
            tau = kendalltau(data.y[scored], model.predict(take(data.records, scored))).statistic
            row = {"task": task.name, "searched": searched, "tau": round(float(tau), 4)}
            rows.append(row | {"fit_seconds": round(seconds, 1), "load_before": round(load, 2)})
            print(rows[-1], flush=True)
    found = {
        "fitted": ROWS,
        "effort": EFFORT,
        "processor": machine(1)["cpu"],
        "processors": os.cpu_count(),
        "rows": rows,
    }
    output.write_text(json.dumps(found, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
