"""docs/results.md, from the results that are stored in benchmarks/results/."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SWEEP_TARGET = 5
STORED = Path(__file__).parents[1] / "benchmarks" / "results"


def results_page(stored: Path = STORED) -> str:
    """Return the page; a result that is not stored has no section."""
    sections = {
        "real_tasks.json": _real_tasks,
        "embedding_speed.json": _embedding_speed,
        "sweep_speed.json": _sweep_speed,
    }
    parts = ["# Results\n"]
    for name, section in sections.items():
        if (stored / name).is_file():
            parts.append(section(json.loads((stored / name).read_text())))
    return "\n".join(parts)


def _real_tasks(tasks: dict[str, Any]) -> str:
    first = next(iter(tasks.values()))
    names = sorted(method["name"] for method in first["methods"])
    lines = [
        "## Real tasks\n",
        f"Kendall tau on test rows with its 95% interval; {first['settings']['max_rows']} rows, seeds "
        f"{', '.join(map(str, first['settings']['seeds']))}, split 8-1-1, embeddings of `{first['settings']['model']}`. "
        "The best of each task is bold. Written by `benchmarks/real_tasks.py`, which is `embedreg compare`.\n",
        "| task | " + " | ".join(names) + " | Z |",
        "|---" * (len(names) + 2) + "|",
    ]
    for task, found in tasks.items():
        methods = {method["name"]: method for method in found["methods"]}
        cells = [_tau(methods[name], best=found["methods"][0]["name"] == name) for name in names]
        lines.append(f"| {task.split(':')[0]} | {' | '.join(cells)} | {found['smoothness_gap']:.2f} |")
    lines.append("\nZ is the smoothness gap: above zero, the target is smoother over the embedding.\n")
    lines += [f"- `{task.split(':')[0]}`: {found['verdict']}" for task, found in tasks.items()]
    return "\n".join([*lines, ""])


def _tau(method: dict[str, Any], *, best: bool) -> str:
    tau = method["metrics"]["kendall_tau"]
    mean = f"**{tau['mean']:.2f}**" if best else f"{tau['mean']:.2f}"
    return f"{mean} [{tau['low']:.2f}, {tau['high']:.2f}]"


def _embedding_speed(runs: list[dict[str, Any]]) -> str:
    run = runs[-1]
    settings = run["settings"]
    lines = [
        "## Embedding against sentence-transformers\n",
        f"The same weights (MiniLM), texts and window in {settings['dtype']}, run in turn; {settings['threads']} threads of "
        f"{settings['cpu']}, torch {settings['torch']}, sentence-transformers {settings['sentence_transformers']}. A ratio above 1 "
        "means that embedreg was faster. Written by `benchmarks/embedding_speed.py`.\n",
        "| texts | tokens | median ratio | least and greatest | tokens/s | rerun from the cache |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['texts']} | {row['tokens']} | {row['median_ratio']:.2f} | {min(row['ratios']):.2f} to {max(row['ratios']):.2f} "
        f"| {row['our_tokens_per_second']} | {row['cached_speedup']:.0f} times faster |"
        for row in run["rows"]
    ]
    return "\n".join([*lines, ""])


def _sweep_speed(run: dict[str, Any]) -> str:
    settings = run["settings"]
    lines = [
        "## The MLP sweep against a loop over scikit-learn\n",
        "The whole grid (5 learning rates, 3 weight decays) as one batched computation, against a loop over `MLPRegressor` with the same "
        f"layers, batch size, epochs and data ({settings['rows']} rows), run in turn; {settings['torch_threads']} threads of "
        f"{settings['cpu']}. A ratio above 1 means that the batched sweep was faster. The target was 5, which is not reached. "
        "Written by `benchmarks/sweep_speed.py`.\n"
        if min(row["ratio"] for row in run["rows"]) < SWEEP_TARGET
        else "Ratios of the batched sweep; the target of 5 is reached. Written by `benchmarks/sweep_speed.py`.\n",
        "| comparison | columns | fits | epochs | batched, s | loop, s | ratio |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['comparison']} | {row['columns']} | {row['fits']} | {row['epochs']} | {row['ours_s']} | {row['theirs_s']} "
        f"| {row['ratio']} |"
        for row in run["rows"]
    ]
    return "\n".join([*lines, ""])
