"""How long a part of the `paper` preset takes with this code, beside an earlier checkout of it: whole runs, from nothing.

    git worktree add ../earlier COMMIT
    python -m benchmarks.study_seconds --earlier ../earlier --output benchmarks/results/study_seconds.json

Both run the blocks that the earlier preset has, on the same few of its tasks and one seed; each with the settings that its own preset gives to models
and heads, its own code, and an empty cache. The weights are there already. Runs take turns. Do nothing else on the machine meanwhile: its load is noted. The file keeps what other processors gave.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any

from benchmarks.speed._machine import machine
from embedreg.core.paths import cache_root

PRESET = "src/embedreg/study/grid/presets/paper.toml"
FUNCTIONS = ("sphere", "gallagher101")
DIMENSIONS = ("5", "25", "100")
TASKS = {
    "automl": ("automl/hpobench_car",),
    "init2winit": ("init2winit/deepobs",),
    "xla": ("xla/db_SYSBENCH_20knob",),
    "l2da": ("l2da/fbnet_raspi4",),
}
SAMPLES = 10  # of a distance profile


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--earlier", type=Path, required=True, help="a checkout of the earlier code")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=1)
    options = parser.parse_args()
    here = Path(__file__).resolve().parents[1]
    sides = {"earlier": options.earlier.resolve(), "now": here}
    asked = tomllib.loads((sides["earlier"] / PRESET).read_text("utf-8"))
    runs = []
    for repeat in range(options.repeats):
        for side, checkout in sides.items():
            own = tomllib.loads((checkout / PRESET).read_text("utf-8"))
            part = own | {"blocks": sampled(asked["blocks"]), "profiles": profiles(asked["profiles"])}
            runs.append({"side": side, "repeat": repeat, **measured(checkout, part)})
            print(runs[-1], flush=True)
    cells = {run["cells"] for run in runs}
    if len(cells) > 1:
        raise SystemExit(f"the sides ran different numbers of cells: {sorted(cells)}")
    seconds = {side: statistics.median(r["seconds"] for r in runs if r["side"] == side) for side in sides}
    found = {
        "processor": machine(os.cpu_count() or 1)["cpu"],
        "processors": os.cpu_count(),
        "commits": {side: commit_of(checkout) for side, checkout in sides.items()},
        "tasks": {"bbob": FUNCTIONS, **TASKS},
        "dimensions": DIMENSIONS,
        "runs": runs,
        "share": round(seconds["now"] / seconds["earlier"], 3),
    }
    keep(options.output, found)
    print(f"{seconds['now']:.0f} s now, {seconds['earlier']:.0f} s earlier: {found['share']:.2f} of it")


def keep(output: Path, found: dict[str, Any]) -> None:
    """Write what was found to a file, in the place of what the same processor gave before."""
    kept = json.loads(output.read_text()) if output.is_file() else []
    others = [other for other in kept if other["processor"] != found["processor"]]
    output.write_text(json.dumps([*others, found], indent=1) + "\n")


def sampled(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the blocks on few tasks and one seed."""
    return [
        block | {"tasks": [name for task in block["tasks"] for name in few(task)], "seeds": 1}
        for block in blocks
    ]


def few(suite: str) -> list[str]:
    """Return some tasks of a suite.

    Examples
    --------
    >>> few("bbob@5,10")
    ['bbob/sphere@5', 'bbob/gallagher101@5']
    """
    name, _, dimensions = suite.partition("@")
    if not dimensions:
        return list(TASKS[name])
    return [
        f"{name}/{function}@{dof}"
        for function in FUNCTIONS
        for dof in dimensions.split(",")
        if dof in DIMENSIONS
    ]


def profiles(asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return distance profiles of few points and one seed."""
    return [profile | {"samples": SAMPLES, "seeds": 1} for profile in asked]


def measured(checkout: Path, study: dict[str, Any]) -> dict[str, Any]:
    """Run a study from nothing with a checkout's code, and return its seconds and number of cells."""
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder) / "part.toml"
        spec.write_text(as_toml(study), "utf-8")
        cache = Path(folder) / "cache"
        cache.mkdir()
        (cache / "models").symlink_to(cache_root() / "models")
        environment = os.environ | {
            "PYTHONPATH": str(checkout / "src"),
            "EMBEDREG_CACHE_DIR": str(cache),
            "EMBEDREG_PROGRESS": "0",
        }
        command = [
            sys.executable,
            "-m",
            "embedreg",
            "study",
            "run",
            str(spec),
            "--store",
            str(Path(folder) / "store"),
        ]
        load, started = os.getloadavg()[0], time.monotonic()
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        seconds = time.monotonic() - started
        status = [*command[:4], "status", *command[5:]]
        told = subprocess.run(status, check=True, env=environment, capture_output=True, text=True).stdout
    return {"seconds": round(seconds, 1), "load_before": round(load, 2), "cells": told.splitlines()[0]}


def as_toml(study: dict[str, Any]) -> str:
    """Return a study as TOML, of which JSON's texts, numbers and lists are a part."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in study.items() if isinstance(value, str)]
    for table in ("representations", "heads"):
        for name, settings in study.get(table, {}).items():
            lines += [f"[{table}.{json.dumps(name)}]", *_pairs(settings)]
    for table in ("blocks", "profiles"):
        for entry in study.get(table, []):
            lines += [f"[[{table}]]", *_pairs(entry)]
    return "\n".join(lines) + "\n"


def _pairs(settings: dict[str, Any]) -> list[str]:
    return [f"{key} = {json.dumps(value)}" for key, value in settings.items()]


def commit_of(checkout: Path) -> str:
    """Return the commit that a checkout is at."""
    command = ["git", "-C", str(checkout), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    main()
