"""The section "Speed" of docs/results.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.speed import _gpu_page
from benchmarks.speed._embedding_page import embedding_tables, runs_beside
from benchmarks.speed._options import GPU_PARTS, OURS, OURS_IN_BFLOAT16, PARTS, Row
from benchmarks.speed._tables import NONE, Spread, groups, table, times_as_fast, verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.speed._store import Run

# what is aimed at, in times as fast as a peer, or in seconds
SWEEP_TARGETS = {"scikit-learn GridSearchCV": 10.0}  # of the others: not to be behind
PREFIX_TARGET = 0.97  # of two equal passes, one is a little ahead by chance
RIDGE_TARGET = 1.0
SMOOTHNESS_TARGET = 1.0
LATENCY_TARGETS = {
    "embedreg predict, one record": 3.0,
    "embedreg --help": 0.3,
    "one record in a loaded process": 0.015,
}
FIGURE = "speed.svg"
_TITLES = {
    "embedding": "Embedding",
    "prefix": "Texts that begin alike",
    "sweep": "The sweep over perceptrons",
    "ridge": "Ridge regression",
    "smoothness": "Lipschitz factors",
    "latency": "One answer",
    "curves": "How seconds grow",
    **_gpu_page.TITLES,
}
_VERSIONS = {
    "embedding": ("torch", "transformers", "sentence-transformers", "onnxruntime", "openvino"),
    "prefix": ("torch", "transformers"),
    "sweep": ("torch", "scikit-learn", "skorch"),
    "ridge": ("numpy", "scipy", "scikit-learn"),
    "smoothness": ("numpy", "scikit-learn"),
    "latency": ("torch", "tokenizers", "scikit-learn"),
    "curves": ("torch", "numpy", "scipy"),
    **_gpu_page.VERSIONS,
}


def speed_section(runs: Sequence[Run]) -> str:
    """Return the tables in Markdown, by part and machine."""
    parts = [
        "## Speed\n",
        (
            "Written by `python -m benchmarks.speed`, whose raw seconds are in `benchmarks/results/speed.json`. What is compared "
            "runs in turn on one machine (A B A B), and a ratio is of neighbours in time: the median over pairs, and in brackets the "
            "least and the greatest. Above 1 embedreg is faster.\n"
        ),
    ]
    for part in (*PARTS, *GPU_PARTS):
        own = [run for run in runs if run.part == part]
        if own:
            parts.append(f"### {_TITLES[part]}\n")
        for *earlier, run in _by_subject(own):
            note = [f"{run.settings['note']}\n"] if "note" in run.settings else []
            parts += [_made_on(run), *note, _TABLES[part](run), *_left_out(run)]
            if earlier and part == "embedding":
                parts.append(runs_beside(earlier, run))
    return "\n".join(parts)


def _by_subject(runs: Sequence[Run]) -> list[list[Run]]:
    """Return runs model by model and machine by machine, the last of each at its end."""
    found: dict[tuple[Any, ...], list[Run]] = {}
    for run in runs:
        found.setdefault(run.subject, []).append(run)
    return [*found.values()]


def _made_on(run: Run) -> str:
    machine, (before, after) = run.machine, run.settings["load"]
    versions = ", ".join(
        f"{name} {machine['versions'][name]}" for name in _VERSIONS[run.part] if name in machine["versions"]
    )
    instructions = f" ({machine['instructions']})" if machine["instructions"] else ""
    gpu = f"{machine['gpu']}; " if machine.get("gpu") and run.part in GPU_PARTS else ""
    return (
        f"{gpu}{machine['threads']} threads of {machine['cores']} cores of {machine['cpu']}{instructions}, {machine['date']}; "
        f"load of the machine {before:.1f} before and {after:.1f} after; {versions}.\n"
    )


def _left_out(run: Run) -> list[str]:
    if not run.left_out:
        return []
    return ["Left out: " + "; ".join(f"{name} ({reason})" for name, reason in run.left_out.items()) + ".\n"]


def _prefix(run: Run) -> str:
    lines, missed = [], []
    for (beginning,), (once, whole) in groups(run.rows, "beginning").items():
        ratio = times_as_fast(whole, once)
        taken = (Spread(row["seconds"]).text(".2f") for row in (once, whole))
        share = once["shared"] * run.settings["texts"] / once["tokens"]
        lines.append(
            [beginning, once["tokens"], f"{share:.0%}", *taken, ratio.text(), f"{once['cosine']:.6f}"]
        )
        if ratio.median < PREFIX_TARGET:
            missed.append(f"{beginning}: {ratio.median:.2f}")
    return "\n".join(
        [
            (
                f"`{run.settings['decoder']}` in {run.settings['dtype']} over {run.settings['texts']} configurations with the same words before "
                "each: the tokens that a batch begins with are read once, or with every text. 'Shared' is their share of all tokens, and the "
                "cosine the least of any text's two vectors.\n"
            ),
            table(
                ["before each", "tokens", "shared", "once, s", "whole, s", "times as fast", "cosine"], lines
            ),
            verdict("not behind reading all, where nothing is shared either", missed),
        ]
    )


def _sweep(run: Run) -> str:
    told = run.settings
    lines, missed = [], []
    for (comparison, epochs), rows in groups(run.rows, "comparison", "epochs").items():
        ours = {row["method"]: row for row in rows if row["method"] in (OURS, OURS_IN_BFLOAT16)}
        for row in rows:
            ratios = [NONE, NONE]
            if row["method"] not in ours:
                found = [
                    times_as_fast(row, ours[name]) if name in ours else None
                    for name in (OURS, OURS_IN_BFLOAT16)
                ]
                ratios = [NONE if ratio is None else ratio.text(".1f") for ratio in found]
                medians = [ratio.median for ratio in found if ratio is not None]
                if medians[0] < SWEEP_TARGETS.get(row["method"], 1.0):
                    missed.append(
                        f"{row['method']}, {comparison}: {' and '.join(f'{median:.1f}' for median in medians)}"
                    )
            taken, error = Spread(row["seconds"]).text(), f"{row['validation_mse']:.3f}"
            lines.append([comparison, epochs, row["method"], taken, *ratios, error])
    aimed = ", ".join(f"{target:g} times as fast as {name}" for name, target in SWEEP_TARGETS.items())
    limit = _limit(run) if "peaks" in told else ""
    return "\n".join(
        [
            (
                f"{told['fits']} configurations (5 learning rates, 3 weight decays) on {told['rows']} rows of {told['columns']} columns in "
                f"batches of {told['batch_size']}. 'fixed': as many epochs on all sides, no stopping. 'as used': at most so many, all "
                f"stop early with a patience of {told['patience']}. scikit-learn has Adam and an l2 term where the others have AdamW, and "
                "where it stops early holds rows of its own out of the training rows. The error is the best on validation rows, as a check "
                'that all fitted: 1 is what the mean would score. embedreg\'s default is float32; `MLPHead(dtype="bfloat16")` is opt-in.\n'
            ),
            table(
                [
                    "comparison",
                    "epochs",
                    "method",
                    "seconds",
                    "embedreg times as fast",
                    "in bfloat16",
                    "error",
                ],
                lines,
            ),
            limit,
            verdict(f"{aimed}, and not behind the others", missed),
        ]
    )


def _limit(run: Run) -> str:
    """Say how much of the processor's peak the products of a fixed number of epochs take, and what the target would take."""
    told, parts = run.settings, []
    fixed = {row["method"]: row for row in run.rows if row["comparison"] == "fixed"}
    for name, precision in ((OURS, "float32"), (OURS_IN_BFLOAT16, "bfloat16")):
        row, peak = fixed[name], told["peaks"][precision]
        rate = told["flop_an_epoch"] * row["epochs"] / Spread(row["seconds"]).median
        parts.append(f"{rate / 1e9:.0f} GFLOP/s in {precision}, {rate / peak:.0%} of the peak")
    [(peer, times)] = SWEEP_TARGETS.items()
    needed = told["flop_an_epoch"] * fixed[peer]["epochs"] * times / Spread(fixed[peer]["seconds"]).median
    shares = " and ".join(f"{needed / peak:.0%} in {name}" for name, peak in told["peaks"].items())
    return (
        f"'fixed' takes embedreg's products {' and '.join(parts)} in products of large square matrices, the optimiser's passes over memory "
        f"included in the time. {times:g} times {peer} would take {needed / 1e9:.0f} GFLOP/s: {shares} of the peak.\n"
    )


def _ridge(run: Run) -> str:
    lines, missed = [], []
    for (n, d, targets), (ours, theirs) in groups(run.rows, "n", "d", "targets").items():
        ratio = times_as_fast(theirs, ours)
        milliseconds = (Spread([1000 * s for s in row["seconds"]]).text(".1f") for row in (ours, theirs))
        lines.append([n, d, targets, *milliseconds, ratio.text(), "yes" if ours["agree"] else "no"])
        if ratio.median < RIDGE_TARGET:
            missed.append(f"{n} x {d}, {targets} targets: {ratio.median:.2f}")
    return "\n".join(
        [
            (
                f"`RidgeHead` against `RidgeCV` with the same {run.settings['penalties']} penalties, both by exact leave-one-out, one penalty "
                "a target, standardising included. 'Agree': the same penalties were chosen.\n"
            ),
            table(
                [
                    "rows",
                    "columns",
                    "targets",
                    "embedreg, ms",
                    "RidgeCV, ms",
                    "embedreg times as fast",
                    "agree",
                ],
                lines,
            ),
            verdict("not behind RidgeCV", missed),
        ]
    )


def _smoothness(run: Run) -> str:
    lines, missed, alone = [], [], ""
    for (n, d), (ours, *peers) in groups(run.rows, "n", "d").items():
        if not peers:
            alone = (
                f"{n:,} points of {d} columns take embedreg {ours['seconds'][0]:.0f} seconds, and {ours['peak_mib']:.0f} MiB beside the "
                f"{ours['points_mib']:.0f} MiB of the points themselves (one run; what the process held at most).\n"
            )
        for theirs in peers:
            ratio = times_as_fast(theirs, ours)
            taken = (Spread(row["seconds"]).text(".3f") for row in (ours, theirs))
            lines.append([f"{n:,}", d, *taken, ratio.text(), "yes" if ours["agree"] else "no"])
            if ratio.median < SMOOTHNESS_TARGET:
                missed.append(f"{n:,} x {d}: {ratio.median:.2f}")
    return "\n".join(
        [
            (
                "`lipschitz_factors` against `NearestNeighbors` by brute force on float32 points that differ and are not tied, of which "
                "embedreg also makes sure. 'Agree': the same factors to a thousandth.\n"
            ),
            table(
                [
                    "points",
                    "columns",
                    "embedreg, s",
                    "NearestNeighbors, s",
                    "embedreg times as fast",
                    "agree",
                ],
                lines,
            ),
            alone,
            verdict("not behind scikit-learn", missed),
        ]
    )


def _latency(run: Run) -> str:
    lines = []
    for row in run.rows:
        target = LATENCY_TARGETS.get(row["measure"])
        taken = Spread([1000 * s for s in row["seconds"]])
        aimed = [NONE, NONE] if target is None else [f"{1000 * target:.0f}", _reached(row, target)]
        lines.append(
            [row["measure"], len(row["seconds"]), taken.text(".1f" if taken.median < 100 else ".0f"), *aimed]
        )
    return "\n".join(
        [
            (
                f'A record of {run.settings["numbers"]} numbers and a name through `EmbeddingRegressor(head="ridge")` with '
                f"`{run.settings['model']}`, nothing kept of earlier embeddings, another text each time; the first two from the start of a process.\n"
            ),
            table(["what", "times measured", "milliseconds", "target", "median within it"], lines),
        ]
    )


def _reached(row: Row, target: float) -> str:
    return "**reached**" if Spread(row["seconds"]).median <= target else "**not reached**"


def _curves(run: Run) -> str:
    lines = []
    for (name,), rows in groups((row for row in run.rows if row["curve"] == "threads"), "line").items():
        least, most = min(rows, key=lambda row: row["x"]), max(rows, key=lambda row: row["x"])
        if least is most:
            continue
        seconds = [Spread(row["seconds"]).text(".3f") for row in (least, most)]
        lines.append([name, least["x"], most["x"], *seconds, times_as_fast(least, most).text()])
    return "\n".join(
        [
            f"![Seconds of embedding by records and by length of texts, of heads by dimension, and speed by threads]({FIGURE})\n",
            (
                f"Embedding: texts of 1 number and a name by number of records; microseconds a token by tokens a text. Heads on {run.settings['rows']} "
                f"rows; the perceptrons for {run.settings['epochs']} epochs. Threads: the same work in turn with one and with all.\n"
            ),
            table(["work", "threads", "against", "seconds, one", "seconds, all", "times as fast"], lines),
        ]
    )


_TABLES: dict[str, Callable[[Run], str]] = {
    "embedding": embedding_tables,
    "prefix": _prefix,
    "sweep": _sweep,
    "ridge": _ridge,
    "smoothness": _smoothness,
    "latency": _latency,
    "curves": _curves,
    "gpu_embedding": _gpu_page.embedding_table,
    "gpu_compile": _gpu_page.compile_table,
    "gpu_sweep": _gpu_page.sweep_table,
    "gpu_smoothness": _gpu_page.smoothness_table,
}
