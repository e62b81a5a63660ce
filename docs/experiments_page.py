"""The page that says what the default was chosen by, from stored rows."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from embedreg.ensemble import MEMBERS
from embedreg.study.grid import Estimate, estimate

ROWS = Path(__file__).parent.parent / "benchmarks" / "results" / "experiments.json"
TEXT = """# Experiments behind the default

`EmbeddingRegressor()` combines members chosen on the training data (docs/ensemble.md). This page says what each of its parts is
worth, on development tasks, from the rows in `benchmarks/results/experiments.json`; `benchmarks/experiments.py` makes them.
Kendall tau on up to 500 rows that were not fitted; every composition of a task has the same fits, folds and test rows, so differences are paired.
Intervals are 95%, over tasks (seeds of a task are averaged). A part is worth keeping where leaving it out loses; many do nothing on most
tasks and much on a few, so the largest loss and gain stand beside the mean.

A single development set chose the default, so these scores are hopeful; the benchmark in [results](results.md) has all tasks and seeds.
"""


def experiments_page() -> str:
    """Return the page."""
    rows = list(json.loads(ROWS.read_text()).values())
    tasks = {row["task"] for row in rows}
    seeds = sorted({row["seed"] for row in rows})
    parts = [
        TEXT,
        f"{len(tasks)} tasks, seeds {', '.join(map(str, seeds))}.\n",
        "## Compositions\n",
        "The default is `all`: greedy selection over every member of the effort `balanced`. Without tabular members something is left only "
        "where a field has texts.\n",
        _compositions(rows),
        "## By family\n",
        "`boosted trees` is that member alone, with fixed settings.\n",
        _families(rows),
        "## Members\n",
        "Alone, on the tasks to which they apply; less boosted trees on the same tasks. Those below the line were tried and not taken.\n",
        _members(rows),
    ]
    return "\n".join(parts)


def _compositions(rows: list[dict[str, Any]]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row["compositions"]))
    lines = [
        "| composition | tasks | Kendall tau | less `all` | largest loss | largest gain |",
        "|---|---|---|---|---|---|",
    ]
    for name in names:
        own = [row for row in rows if name in row["compositions"]]
        scores = [(row["task"], row["compositions"][name]) for row in own]
        differences = [(row["task"], row["compositions"][name] - row["compositions"]["all"]) for row in own]
        lowest, highest = _extremes(differences)
        lines.append(
            f"| {name} | {len(_by_task(scores))} | {estimate(scores).mean:.3f} | {_shown(estimate(differences))} | {lowest} | {highest} |"
        )
    return "\n".join([*lines, ""])


def _extremes(differences: list[tuple[str, float]]) -> tuple[str, str]:
    means = _by_task(differences)
    low, high = min(means, key=means.__getitem__), max(means, key=means.__getitem__)
    return f"{means[low]:+.3f} ({low})", f"{means[high]:+.3f} ({high})"


def _families(rows: list[dict[str, Any]]) -> str:
    compared = (
        "fast members",
        "without embedding members",
        "without tabular members",
        "without normal scores",
    )
    lines = [
        "| family | tasks | all | boosted trees | " + " | ".join(compared) + " |",
        "|---|---|---|---|" + "---|" * len(compared),
    ]
    for suite in dict.fromkeys(row["suite"] for row in rows):
        own = [row for row in rows if row["suite"] == suite]
        trees = [(row["task"], row["members"]["boosted trees"]["test"]) for row in own]
        every, *others = (_composition(own, name) for name in ("all", *compared))
        cells = [str(len({row["task"] for row in own})), every, f"{estimate(trees).mean:.3f}", *others]
        lines.append(f"| {suite} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def _composition(rows: list[dict[str, Any]], name: str) -> str:
    scores = [(row["task"], row["compositions"][name]) for row in rows if name in row["compositions"]]
    return f"{estimate(scores).mean:.3f}" if scores else "-"


def _members(rows: list[dict[str, Any]]) -> str:
    taken = [member.name for member in MEMBERS]
    names = list(dict.fromkeys(name for row in rows for name in row["members"]))
    ordered = [name for name in names if name in taken] + [name for name in names if name not in taken]
    lines = [
        "| member | taken | tasks | Kendall tau | less boosted trees | seconds a task |",
        "|---|---|---|---|---|---|",
    ]
    for name in ordered:
        own = [row for row in rows if name in row["members"]]
        scores = [(row["task"], row["members"][name]["test"]) for row in own]
        differences = [
            (row["task"], row["members"][name]["test"] - row["members"]["boosted trees"]["test"])
            for row in own
        ]
        seconds = sorted(row["members"][name]["seconds"] for row in own)[len(own) // 2]
        lines.append(
            f"| {name} | {'yes' if name in taken else 'no'} | {len(_by_task(scores))} | {estimate(scores).mean:.3f} | "
            f"{_shown(estimate(differences))} | {seconds:.1f} |"
        )
    return "\n".join([*lines, ""])


def _by_task(values: list[tuple[str, float]]) -> dict[str, float]:
    found: defaultdict[str, list[float]] = defaultdict(list)
    for task, value in values:
        found[task].append(value)
    return {task: sum(own) / len(own) for task, own in found.items()}


def _shown(value: Estimate) -> str:
    return f"{value.mean:+.3f} [{value.low:+.3f}, {value.high:+.3f}]"
