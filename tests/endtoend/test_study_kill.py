"""A study that is killed at random moments ends as one that was left in peace."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time

SPEC = """
name = "killed"
[representations.traditional]
kind = "tabular"
[heads.trees]
kind = "xgboost"
max_rounds = 30
[[blocks]]
tasks = ["bbob/sphere@3", "bbob/rastrigin@3", "bbob/discus@4"]
representations = ["traditional"]
heads = ["ridge", "trees", "mean"]
rows = [60, 80]
seeds = 3
"""
CELLS = 3 * 3 * 2 * 3


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "embedreg", "study", *map(str, words)]


def rows(spec, store) -> list[dict]:
    done = subprocess.run(
        command("table", spec, "--store", store, "--by-cell"), capture_output=True, text=True, check=True
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return [{key: value for key, value in row.items() if key != "seconds"} for row in found]


def finished(spec, store) -> int:
    return len(rows(spec, store))


def test_a_study_killed_at_random_moments_ends_as_an_undisturbed_one(tmp_path) -> None:
    spec, whole, killed = tmp_path / "spec.toml", tmp_path / "whole", tmp_path / "killed"
    spec.write_text(SPEC)
    subprocess.run(command("run", spec, "--store", whole), capture_output=True, check=True)
    expected = rows(spec, whole)
    assert len(expected) == CELLS
    chance = random.Random(0)
    for _ in range(3):
        process = subprocess.Popen(
            command("run", spec, "--store", killed), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        store = killed / "results.sqlite"
        begun = store.stat().st_mtime_ns if store.exists() else 0
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            if store.exists() and store.stat().st_mtime_ns != begun:
                break
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.3))
        process.kill()
        process.communicate()
    last = subprocess.run(command("run", spec, "--store", killed), capture_output=True, text=True, check=True)
    assert "bbob, 3 fields, 60 rows, 2 tasks: kendall_tau" in last.stdout
    assert rows(spec, killed) == expected
