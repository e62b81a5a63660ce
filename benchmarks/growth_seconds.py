"""How the default's cost grows with the number of records: seconds and memory of fit and predict, in a new process each.

    python -m benchmarks.growth_seconds --output benchmarks/results/growth_seconds.json

Records of 20 numbers (BBOB's Rastrigin function), which need no language model, so that what grows is the choice and the fit of members.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.speed._machine import machine

TASK = "bbob/rastrigin@20"
ROWS = (500, 2_000, 10_000, 30_000, 100_000)
_FIT = """
import json, resource, sys, time
from embedreg import EmbeddingRegressor
from embedreg.tasks import select_tasks
task, rows, effort = sys.argv[1], int(sys.argv[2]), sys.argv[3]
data = select_tasks([task])[0].load(0, rows)
started = time.monotonic()
model = EmbeddingRegressor(effort=effort).fit(data.records, data.y)
fitted = time.monotonic()
model.predict(data.records[:1000])
found = {"fit": fitted - started, "predict_1000": time.monotonic() - fitted}
found["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(found | {"members": sum(m.weight > 0 for m in model.explain().members)}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--efforts", nargs="+", default=["fast", "balanced"])
    parser.add_argument("--rows", nargs="+", type=int, default=ROWS)
    options = parser.parse_args()
    found = []
    for effort in options.efforts:
        for rows in options.rows:
            load = os.getloadavg()[0]
            told = subprocess.run(
                [sys.executable, "-c", _FIT, TASK, str(rows), effort],
                check=True,
                capture_output=True,
                text=True,
                env=os.environ | {"EMBEDREG_PROGRESS": "0"},
            )
            numbers = json.loads(told.stdout.splitlines()[-1])
            found.append(
                {"effort": effort, "rows": rows, "load_before": round(load, 2)}
                | {name: round(value, 2) for name, value in numbers.items()}
            )
            print(found[-1], flush=True)
    stored = {"task": TASK, "processor": machine(1)["cpu"], "processors": os.cpu_count(), "rows": found}
    options.output.write_text(json.dumps(stored, indent=1) + "\n")


if __name__ == "__main__":
    main()
