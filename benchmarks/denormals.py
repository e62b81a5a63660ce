"""What taking denormal numbers for zero does to the paper's sweep on a processor: seconds with and without, and whether the same model wins.

    python -m benchmarks.denormals --output benchmarks/results/denormals.json

From the root of the repository. The paper's perceptrons on traditional features of tasks that come with embedreg, with and without in turn.
The file keeps what other processors gave. Do nothing else on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from benchmarks.quality._run import parts_of
from benchmarks.speed._machine import machine
from benchmarks.speed._timing import in_turn
from embedreg.features import TabularFeatures
from embedreg.heads import MLPHead, _sweep
from embedreg.tasks import select_tasks

if TYPE_CHECKING:
    from collections.abc import Callable

    from embedreg.tasks import Task

TASKS = ("automl/hpobench_car", "init2winit/deepobs", "xla/db_SYSBENCH_20knob", "l2da/fbnet_raspi4")
WITH, WITHOUT = "zero", "as they are"


def measured(task: Task, pairs: int) -> dict[str, Any]:
    """Return the seconds of each way, and what won."""
    parts, _ = parts_of(task, 0)
    features = TabularFeatures().fit(parts.train.records)
    X, held_out = (features.transform(part.records) for part in (parts.train, parts.validation))
    won: dict[str, Any] = {}

    def fit(way: str) -> None:
        replaced = mock.patch.object(_sweep, "denormals_flushed", contextlib.nullcontext)
        with contextlib.nullcontext() if way == WITH else replaced:
            head = MLPHead(dtype="float32").fit(X, parts.train.y, validation=(held_out, parts.validation.y))
        won[way] = head.chosen_

    calls: dict[str, Callable[[], None]] = {WITH: lambda: fit(WITH), WITHOUT: lambda: fit(WITHOUT)}
    seconds = in_turn(calls, pairs)
    ratios = [b / a for a, b in zip(seconds[WITH], seconds[WITHOUT], strict=True)]
    return {
        "task": task.name,
        "times_as_fast": round(statistics.median(ratios), 3),
        "same_winner": won[WITH] == won[WITHOUT],
        "seconds": {way: [round(one, 2) for one in taken] for way, taken in seconds.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=3)
    options = parser.parse_args()
    os.environ.setdefault("EMBEDREG_PROGRESS", "0")
    rows = []
    for task in select_tasks(TASKS):
        rows.append(measured(task, options.pairs))
        print(rows[-1], flush=True)
    about = machine(os.cpu_count() or 1)
    kept = json.loads(options.output.read_text()) if options.output.is_file() else []
    others = [other for other in kept if other["machine"]["cpu"] != about["cpu"]]
    options.output.write_text(json.dumps([*others, {"machine": about, "rows": rows}], indent=1) + "\n")


if __name__ == "__main__":
    main()
