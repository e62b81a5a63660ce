"""What each part of a model is worth on one real task: Kendall tau with the part taken out, and one figure.

    python benchmarks/ablations.py --model minilm --rows 300 --seeds 3 \
        --output benchmarks/results/ablations.json --figure docs/ablations.svg

The task comes with the package (mysql_knobs): throughput of a MySQL server from its settings, written as JSON. The head is ridge
regression, and every ablation has the same rows and splits (8-1-1, equal inputs on one side).
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embedreg.embed import EmbeddingCache, embed_texts, make_embedder
from embedreg.heads import make_head
from embedreg.report._style import PALETTE, new_figure, styled, to_svg
from embedreg.serialize import make_serializer, serialize_records
from embedreg.study import bootstrap_intervals, group_split
from embedreg.tasks import load_labelled, packaged_task

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ABLATIONS = {
    "as it is": "",
    "no forward pass": "forward=false",
    "random weights": "weights=random",
    "random, no forward pass": "weights=random&forward=false",
    "input of the first layer": "layers=0",
    "a middle layer (3)": "layers=3",
    "layers 4 to 6": "layers=4-6",
    "all layers": "layers=all",
    "all layers averaged": "layers=mean",
    "pooling: weighted": "pooling=weighted",
    "pooling: max": "pooling=max",
    "pooling: first": "pooling=first",
    "pooling: last": "pooling=last",
    "pooling: mean, padded": "pooling=mean_padded",
    "prompt 'query: '": "prompt=query:%20",
    "bfloat16": "dtype=bfloat16",
}


def texts_and_target(rows: int) -> tuple[list[str], np.ndarray]:
    table = load_labelled(packaged_task("mysql_knobs"), "y")
    chosen = np.sort(np.random.default_rng(0).permutation(len(table))[:rows])
    texts = serialize_records(make_serializer("json", "significant:4"), [table.records[i] for i in chosen])
    return texts, table.y[chosen]


def measured(model: str, texts: list[str], y: np.ndarray, seeds: int) -> dict[str, object]:
    """Return Kendall tau on test rows: its mean over seeds, 95% interval, and each seed's."""
    embedder = make_embedder(model)
    vectors = embed_texts(embedder, texts, cache=EmbeddingCache())
    targets, predictions, inputs = [], [], []
    for seed in range(seeds):
        split = group_split(texts, seed=seed)
        head = make_head("ridge").fit(vectors[split.train], y[split.train])
        targets.append(y[split.test])
        predictions.append(head.predict(vectors[split.test]))
        inputs.append(np.unique([texts[i] for i in split.test], return_inverse=True)[1])
    tau = bootstrap_intervals(targets, predictions, ["kendall_tau"], groups_by_seed=inputs)["kendall_tau"]
    return {
        "model": model,
        "dimension": embedder.dimension,
        "tau": {"mean": tau.mean, "low": tau.low, "high": tau.high, "per_seed": list(tau.per_seed)},
    }


@styled
def figure_of(rows: list[dict[str, Any]]) -> Figure:
    """Draw tau by ablation: dot, 95% interval, and a tick for each seed."""
    figure, axes = new_figure(height=1.0 + 0.3 * len(rows))
    axes.axvline(rows[0]["tau"]["mean"], color=PALETTE["muted"], linewidth=1, linestyle=":")
    for place, row in enumerate(rows):
        tau = row["tau"]
        axes.plot([tau["low"], tau["high"]], [place, place], color=PALETTE["embedding"], linewidth=1.6)
        axes.plot(tau["mean"], place, "o", color=PALETTE["embedding"], markersize=6)
        axes.plot(tau["per_seed"], [place] * len(tau["per_seed"]), "|", color=PALETTE["muted"], markersize=7)
    axes.set_yticks(range(len(rows)), [row["ablation"] for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.set_xlabel("Kendall tau on test rows")
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="minilm")
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--figure", type=Path, required=True)
    options = parser.parse_args()
    texts, y = texts_and_target(options.rows)
    rows = []
    for name, settings in ABLATIONS.items():
        model = f"{options.model}?{settings}" if settings else options.model
        rows.append({"ablation": name, **measured(model, texts, y, options.seeds)})
        print(f"{name}: {rows[-1]['tau']['mean']:.3f}", flush=True)
    about = {
        "task": "mysql_knobs",
        "rows": len(texts),
        "seeds": options.seeds,
        "head": "ridge",
        "date": datetime.date.today().isoformat(),
        "machine": platform.machine(),
        "versions": {package: version(package) for package in ("embedreg", "numpy", "torch", "transformers")},
    }
    options.output.write_text(json.dumps({"settings": about, "rows": rows}, indent=1) + "\n")
    options.figure.write_text(to_svg(figure_of(rows)))


if __name__ == "__main__":
    main()
