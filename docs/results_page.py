"""docs/results.md, from the results that are stored in benchmarks/results/."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

from quality_section import QUALITY, quality_of
from speed_section import SPEED, speed_of
from study_section import EXPORT, study_section

from embedreg.study.grid import estimate

STORED = Path(__file__).parents[1] / "benchmarks" / "results"


def results_page(stored: Path = STORED) -> tuple[str, dict[str, str]]:
    """Return the page and its figures by name; a result that is not stored has no section."""
    sections = {
        "effort_seconds.json": _effort_seconds,
        "growth_seconds.json": _growth_seconds,
        "study_seconds.json": _study_seconds,
        "kernel_rows.json": _kernel_rows,
        "tree_settings.json": _tree_settings,
        "mlp_precision.json": _mlp_precision,
        "denormals.json": _denormals,
        "attention.json": _attention,
        "suggest.json": _suggest,
        "real_tasks.json": _real_tasks,
    }
    parts, figures = ["# Results\n"], {}
    if (stored / EXPORT).is_file():
        section, figures = study_section(stored / EXPORT)
        parts.append(section)
    if (stored / QUALITY).is_file():
        parts.append(quality_of(stored))
    if (stored / SPEED).is_file():
        section, drawn = speed_of(stored / SPEED)
        parts.append(section)
        figures |= drawn
    for name, make in sections.items():
        if (stored / name).is_file():
            parts.append(make(json.loads((stored / name).read_text())))
    return "\n".join(parts), figures


def _effort_seconds(found: dict[str, Any]) -> str:
    """Return how long each effort takes."""
    lines = [
        "## Seconds of each effort\n",
        f"`EmbeddingRegressor(effort=...)` on {found['rows'][0]['rows']} records, {found['processors']} processors, in a new process with no embedding "
        "cached: imports and loading the model count. Aimed at: 15, 60 and 300 seconds on 20 fields. Written by `benchmarks/effort_seconds.py`.\n",
        "| task | effort | members | fit, seconds | 50 predictions, seconds | load of the machine before |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['task']} | {row['effort']} | {row['members']} | {row['fit']:.1f} | {row['predict_50']:.2f} | {row['load_before']:.1f} |"
        for row in found["rows"]
    ]
    return "\n".join([*lines, ""])


def _growth_seconds(found: dict[str, Any]) -> str:
    """Return how the cost grows with the records."""
    lines = [
        "## Seconds by number of records\n",
        f"`EmbeddingRegressor(effort=...)` on records of 20 numbers (`{found['task']}`), {found['processors']} cores of {found['processor']}, a new process each. Members "
        "are chosen on 2,000 records at most, and those chosen are fitted to all. Written by `benchmarks/growth_seconds.py`.\n",
        "| effort | records | members chosen | fit, seconds | microseconds a record | 1,000 predictions, seconds | peak memory, MiB |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['effort']} | {row['rows']:,} | {row['members']:.0f} | {row['fit']:.1f} | {1e6 * row['fit'] / row['rows']:,.0f} | "
        f"{row['predict_1000']:.2f} | {row['peak_mib']:,.0f} |"
        for row in found["rows"]
    ]
    return "\n".join([*lines, ""])


def _study_seconds(machines: list[dict[str, Any]]) -> str:
    """Return how long a part of the study takes beside its earlier code, on each machine."""
    first = machines[0]
    tasks = [f"bbob/{name} at {', '.join(first['dimensions'])} inputs" for name in first["tasks"]["bbob"]]
    tasks += [name for suite, names in first["tasks"].items() if suite != "bbob" for name in names]
    lines = [
        "## A part of the study, now and earlier\n",
        f"The blocks that the `paper` preset had at commit `{first['commits']['earlier']}`, on one seed of {'; '.join(tasks)}: from nothing but the weights, by "
        "each one's own code and the precision that its preset asks for. Fewer functions share their inputs here than in the whole, which saves less. "
        "Written by `benchmarks/study_seconds.py`.\n",
        "| machine | code | seconds | load of the machine before |",
        "|---|---|---|---|",
    ]
    for found in machines:
        lines += [
            f"| {found['processors']} cores of {found['processor']} | {run['side']}, `{found['commits'][run['side']]}` | {run['seconds']:,.0f} | "
            f"{run['load_before']:.1f} |"
            for run in found["runs"]
        ]
    shares = ", ".join(f"{found['share']:.2f} ({found['processor']})" for found in machines)
    return "\n".join([*lines, "", f"Of the earlier time that is {shares}; a third was aimed at.", ""])


def _kernel_rows(found: dict[str, Any]) -> str:
    """Return what the default's Gaussian processes lose and save by learning their kernels on fewer rows."""
    tasks, searched = (list(dict.fromkeys(row[key] for row in found["rows"])) for key in ("task", "searched"))
    most, fewest = searched
    by = {(row["task"], row["searched"]): row for row in found["rows"]}
    gained = [by[task, fewest]["tau"] - by[task, most]["tau"] for task in tasks]
    times = [by[task, most]["fit_seconds"] / by[task, fewest]["fit_seconds"] for task in tasks]
    mean = estimate(zip(tasks, gained, strict=True))
    lines = [
        "## Rows that kernels are learnt on\n",
        f'`EmbeddingRegressor(effort="{found["effort"]}")` on {found["fitted"]:,} records, {found["processors"]} cores of {found["processor"]}: Kendall tau on records that '
        f"were not fitted, and seconds of the fit, where the Gaussian processes learn their kernels on {most:,} of the rows and on {fewest}, which is the "
        "default. With fewer records all are used. Written by `benchmarks/kernel_rows.py`.\n",
        f"| task | {' | '.join(f'{rows:,} rows' for rows in searched)} |",
        "|---" * (1 + len(searched)) + "|",
    ]
    for task in tasks:
        cells = [f"{by[task, n]['tau']:.4f}, {by[task, n]['fit_seconds']:.1f} s" for n in searched]
        lines.append(f"| {task} | {' | '.join(cells)} |")
    told = (
        f"With {fewest} rows tau differs by {mean.mean:+.4f} [{mean.low:+.4f}, {mean.high:+.4f}] (mean over tasks, 95% interval by Student's t), by "
        f"{min(gained):+.4f} to {max(gained):+.4f}, and the fit {statistics.median(times):.1f} times as fast (median; {min(times):.1f} to {max(times):.1f})."
    )
    return "\n".join([*lines, "", told, ""])


def _denormals(machines: list[dict[str, Any]]) -> str:
    """Return how much faster sweeps are without denormal numbers, on each machine."""
    lines = [
        "## Sweeps without denormal numbers\n",
        "The paper's sweep over perceptrons on traditional features, in float32, with numbers too small for a full mantissa taken for zero, as is the default "
        "on a processor, and as they are: seconds of pairs, in turn. Written by `benchmarks/denormals.py`.\n",
        "| machine | task | for zero, s | as they are, s | times as fast (median of pairs) | the same model wins |",
        "|---|---|---|---|---|---|",
    ]
    for found in machines:
        about = f"{found['machine']['threads']} cores of {found['machine']['cpu']}"
        for row in found["rows"]:
            taken = (", ".join(f"{one:.1f}" for one in seconds) for seconds in row["seconds"].values())
            same = "yes" if row["same_winner"] else "no"
            lines.append(
                f"| {about} | {row['task']} | {' | '.join(taken)} | {row['times_as_fast']:.2f} | {same} |"
            )
    return "\n".join([*lines, ""])


def _attention(machines: list[dict[str, Any]]) -> str:
    """Return what a layer's attention takes by each way, on each machine."""
    ways = list(
        dict.fromkeys(way for found in machines for row in found["rows"] for way in row["microseconds"])
    )
    texts = sorted({row["texts"] for found in machines for row in found["rows"]})
    lines = [
        "## Attention on a processor\n",
        f"Microseconds of a layer's attention by {', '.join(ways[:-1])}, and {ways[-1]}, in this order; the median of calls in turn. The one that embedreg takes is "
        "in bold; compiled there is none in float32, nor where there was no AMX or no compiler. Batches are of up to 3,000 tokens, and in float32 of 1 and 16 texts alone. Written by `benchmarks/attention.py`.\n",
        f"| machine | threads | heads of | precision | tokens a text | {' | '.join(f'{n} texts' if n > 1 else '1 text' for n in texts)} |",
        "|---" * (5 + len(texts)) + "|",
    ]
    for found in machines:
        cells: dict[tuple[Any, ...], dict[int, str]] = {}
        for row in found["rows"]:
            key = row["threads"], row["model"], row["dtype"], row["tokens"]
            told = (
                f"**{t:,}**" if way == row["used"] else f"{t:,}" for way, t in row["microseconds"].items()
            )
            cells.setdefault(key, {})[row["texts"]] = " / ".join(told)
        for key, by_texts in cells.items():
            told = [found["machine"]["cpu"], *map(str, key), *(by_texts.get(n, "") for n in texts)]
            lines.append(f"| {' | '.join(told)} |")
    return "\n".join([*lines, ""])


def _tree_settings(found: dict[str, Any]) -> str:
    """Return what fewer bins and less depth cost boosted trees on wide tables."""
    rows = found["rows"]
    tables, settings = (list(dict.fromkeys(row[key] for row in rows)) for key in ("table", "settings"))
    lines = [
        "## Boosted trees of many columns\n",
        "Kendall tau of the default's boosted trees on rows that were not fitted, and processor seconds of a fit; means over seeds "
        f"{', '.join(map(str, sorted({row['seed'] for row in rows})))}. The default has 32 bins above 100 columns, and depth 3 above 400. Written by "
        "`benchmarks/tree_settings.py`.\n",
        f"| table | columns | {' | '.join(settings)} |",
        "|---" * (2 + len(settings)) + "|",
    ]
    for table in tables:
        own = [row for row in rows if row["table"] == table]
        cells = [_tau_and_seconds([row for row in own if row["settings"] == name]) for name in settings]
        lines.append(f"| {table} | {own[0]['columns']:,} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _tau_and_seconds(rows: list[dict[str, Any]]) -> str:
    tau, seconds = (sum(row[key] for row in rows) / len(rows) for key in ("tau", "processor_seconds"))
    return f"{tau:.3f}, {seconds:.1f} s"


def _mlp_precision(found: dict[str, Any]) -> str:
    """Return what training perceptrons in bfloat16 changes, and what another seed does."""
    lines = [
        "## Perceptrons trained in bfloat16\n",
        "Kendall tau of the paper's sweep less that in float32 with the same seed, beside what another seed changes: mean over tasks, its 95% "
        "interval (Student's t), and the greatest change. Written by "
        "`benchmarks/mlp_precision.py`.\n",
        "| on | trained in | tasks | less float32 | greatest change | seconds of all fits |",
        "|---|---|---|---|---|---|",
    ]
    for row in found["less_float32"]:
        own = [r for r in found["rows"] if all(r[key] == row[key] for key in ("representation", "dtype"))]
        change = f"{row['mean']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}]"
        lines.append(
            f"| {row['representation']} | {row['dtype']} | {row['tasks']} | {change} | {row['greatest']:+.3f} | "
            f"{sum(r['fit_seconds'] for r in own):,.0f} |"
        )
    return "\n".join([*lines, ""])


def _suggest(runs: dict[str, Any]) -> str:
    """Return how fast small numbers are found, by policy."""
    rows = list(runs.values())
    policies = list(dict.fromkeys(row["policy"] for row in rows))
    complete = [
        place
        for place in {(row["task"], row["seed"]) for row in rows}
        if len([row for row in rows if (row["task"], row["seed"]) == place]) == len(policies)
    ]
    rows = [row for row in rows if (row["task"], row["seed"]) in complete]
    trials = [10 + 5 * i for i in range(len(rows[0]["better"]))]
    lines = [
        "## Suggestions\n",
        "The share of a table's rows, in %, that are better than the best found after so many measurements; small is good. All begin with the "
        f'same 10 of 1,000 rows; `suggest` works in batches of 5 with `effort="fast"`. {len({t for t, _ in complete})} tuning tables, '
        f"{len(complete)} runs of each policy, each table with the seeds that are finished; mean over tables and seeds, and its 95% interval. Written by `benchmarks/suggest.py`.\n",
        "| policy | " + " | ".join(f"{count} measured" for count in trials[::2]) + " |",
        "|---" * (len(trials[::2]) + 1) + "|",
    ]
    for policy in policies:
        own = [row for row in rows if row["policy"] == policy]
        cells = [
            _share([(row["task"], 100 * row["better"][place]) for row in own])
            for place in range(0, len(trials), 2)
        ]
        lines.append(f"| {policy} | {' | '.join(cells)} |")
    own = {(row["task"], row["seed"]): row["better"][-1] for row in rows if row["policy"] == "suggest"}
    for other in policies:
        if other != "suggest":
            differences = [
                (row["task"], 100 * (own[row["task"], row["seed"]] - row["better"][-1]))
                for row in rows
                if row["policy"] == other
            ]
            lines.append(
                f"\n`suggest` less {other} after {trials[-1]}, on equal starts: {_share(differences)}."
            )
    return "\n".join([*lines, ""])


def _share(values: list[tuple[str, float]]) -> str:
    found = estimate(values)
    return f"{found.mean:.2f} [{found.low:.2f}, {found.high:.2f}]"


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
