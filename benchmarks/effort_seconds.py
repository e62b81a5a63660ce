"""Seconds that each effort of the default takes: fit and predict, in a new process, with an empty cache of embeddings.

    python benchmarks/effort_seconds.py --output benchmarks/results/effort_seconds.json

500 records of a tuning table of 20 numbers and categories, of one of texts in columns, and of one of texts alone. The model's weights are there
already; what is imported and loaded counts. Do nothing else on the machine meanwhile: its load is noted.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

TASKS = ("xla/db_SYSBENCH_20knob", "mixed/employee_salaries", "text/emobank_valence")
EFFORTS = ("fast", "balanced", "best")
_FIT = """
import json, sys, time
started = time.monotonic()
from embedreg import EmbeddingRegressor
from embedreg.tasks import select_tasks
task, effort, cache = sys.argv[1:]
data = select_tasks([task])[0].load(0, 500)
records, y = list(data.records)[:500], data.y[:500]
loaded = time.monotonic()
model = EmbeddingRegressor(effort=effort, cache=cache).fit(records, y)
fitted = time.monotonic()
model.predict(records[:50])
found = {"rows": len(records), "fit": fitted - loaded, "predict_50": time.monotonic() - fitted}
print(json.dumps(found | {"members": len(model.explain().members)}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument(
        "--efforts", nargs="+", default=EFFORTS, help="measure these anew, and keep the others"
    )
    options = parser.parse_args()
    stored = json.loads(options.output.read_text())["rows"] if options.output.is_file() else []
    rows = [row for row in stored if row["effort"] not in options.efforts]
    for task in TASKS:
        for effort in options.efforts:
            with tempfile.TemporaryDirectory() as cache:
                words = [sys.executable, "-c", _FIT, task, effort, cache]
                load = os.getloadavg()[0]
                told = subprocess.run(
                    words,
                    check=True,
                    capture_output=True,
                    text=True,
                    env=os.environ | {"EMBEDREG_PROGRESS": "0"},
                )
            found = json.loads(told.stdout.splitlines()[-1])
            rows.append(
                {"task": task, "effort": effort, "load_before": round(load, 2)}
                | {name: round(value, 2) for name, value in found.items()}
            )
            print(rows[-1], flush=True)
    rows.sort(key=lambda row: (TASKS.index(row["task"]), EFFORTS.index(row["effort"])))
    options.output.write_text(json.dumps({"processors": os.cpu_count(), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
