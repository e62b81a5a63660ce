"""The tables of what was measured on a GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.speed._options import OURS, OURS_IN_BFLOAT16
from benchmarks.speed._tables import NONE, Spread, groups, table, verdict

if TYPE_CHECKING:
    from benchmarks.speed._options import Row
    from benchmarks.speed._store import Run

PEER_TARGET = 1.0  # times as fast as a peer
SHARE_TARGET = 0.5  # of the peak
LOOP_TARGET = 100.0  # times as fast as a loop
TITLES = {
    "gpu_embedding": "Embedding on a GPU",
    "gpu_compile": "torch.compile on a GPU",
    "gpu_sweep": "The sweep over perceptrons on a GPU",
    "gpu_smoothness": "Lipschitz factors on a GPU",
}
VERSIONS = {
    "gpu_embedding": ("torch", "transformers", "sentence-transformers"),
    "gpu_compile": ("torch", "transformers"),
    "gpu_sweep": ("torch",),
    "gpu_smoothness": ("torch", "numpy"),
}


def embedding_table(run: Run) -> str:
    """Return the table of embedding: a row for each model, set of texts and engine."""
    told, lines = run.settings, []
    behind, below = [], []
    for (model, texts), rows in groups(run.rows, "model", "texts").items():
        [ours] = [row for row in rows if row["engine"] == f"{OURS} bfloat16"]
        for row in rows:
            rate = Spread([row["tokens"] / s for s in row["seconds"]])
            share = Spread([row["flop"] / s / told["peaks"][row["precision"]] for s in row["seconds"]])
            is_ours = row["engine"].startswith(OURS)
            ratio = None if is_ours else _per("tokens", row, ours)
            lines.append(
                [
                    model, texts, row["engine"], row["precision"], rate.text(",.0f"), f"{share.median:.0%}",
                    NONE if row.get("busy") is None else f"{row['busy']:.0%}",
                    NONE if row["cosine"] is None else f"{row['cosine']:.5f}", NONE if ratio is None else ratio.text(".1f"),
                ]
            )  # fmt: skip
            if ratio is not None and ratio.median < PEER_TARGET:
                behind.append(f"{model}, {texts}: {row['engine']} {ratio.median:.2f}")
            if row is ours and share.median < SHARE_TARGET:
                below.append(f"{model}, {texts}: {share.median:.0%}")
    columns = [
        "model", "texts", "engine", "precision", "tokens/s", "share of the peak", "the GPU is busy", "least cosine",
        "embedreg bfloat16 times as fast",
    ]  # fmt: skip
    peaks = " and ".join(f"{peak / 1e12:,.0f} TFLOP/s in {name}" for name, peak in told["peaks"].items())
    return "\n".join(
        [
            (
                f"Texts in, vectors out, tokenising included. MiniLM has its weights; SmolLM2-135M and the encoder of T5 v1.1 XXL have their "
                f"published shapes, random weights and MiniLM's tokenizer. The peak is what the GPU reaches in products of square matrices of "
                f"{told['matrix']}: {peaks}. Operations are counted over real tokens. Engines run one after the other, each having the GPU to itself; "
                f"peers read a quarter of the texts. 'Busy': the share of a further run in which the GPU computes or copies; the rest it waits for the processor. Ratios are of seconds a token, the first runs of both, the second, and so on. 'Tuned batches': the fastest of a few sizes on half of these. The cosine is the least of {told['compared']} "
                "texts' vectors to those of embedreg in float32, where the weights are the same.\n"
            ),
            table(columns, lines),
            verdict("no peer is faster than embedreg in bfloat16, by the median", behind),
            verdict(f"embedreg in bfloat16 at least {SHARE_TARGET:.0%} of the peak", below),
        ]
    )


def compile_table(run: Run) -> str:
    """Return the table of what compiling a model gives, beside embedreg, which does not."""
    lines = []
    for model, rows in groups(run.rows, "model").items():
        plain = next(row for row in rows if not row["engine"].startswith(OURS))
        for row in rows:
            gain = NONE if row is plain else _per("tokens", plain, row).text(".2f")
            rate = Spread([row["tokens"] / s for s in row["seconds"]])
            lines.append([*model, row["engine"], f"{row['first']:.1f}", rate.text(",.0f"), gain])
    return "\n".join(
        [
            (
                f"Configurations of mixed lengths in bfloat16, {run.rows[0]['tokens']:,} tokens, texts in and vectors out; the loops' batches are of "
                f"{run.settings['batch_size']} texts. In its first call a model is compiled. Optional engines were to be adopted from 1.3 times on.\n"
            ),
            table(["model", "engine", "first call, seconds", "tokens/s", "times as fast as the loop"], lines),
        ]
    )


def sweep_table(run: Run) -> str:
    """Return the table of the sweep over many tasks at once, beside a loop over the models of one."""
    told, lines, missed = run.settings, [], []
    for (comparison, epochs), rows in groups(run.rows, "comparison", "epochs").items():
        ours = {row["method"]: row for row in rows if row["method"] in (OURS, OURS_IN_BFLOAT16)}
        for row in rows:
            ratios = [NONE, NONE]
            if row["method"] not in ours:
                found = [_per("tasks", row, ours[name]) for name in (OURS, OURS_IN_BFLOAT16)]
                ratios = [ratio.text(".0f") for ratio in found]
                if found[0].median < LOOP_TARGET:
                    missed.append(f"{row['method']}, {comparison}: {found[0].median:.0f}")
            taken = Spread(row["seconds"]).text()
            lines.append(
                [
                    comparison,
                    epochs,
                    row["method"],
                    row["tasks"],
                    taken,
                    *ratios,
                    f"{row['validation_mse']:.3f}",
                ]
            )
    columns = [
        "comparison", "epochs", "method", "tasks", "seconds", "embedreg times as fast", "in bfloat16", "error, one task",
    ]  # fmt: skip
    return "\n".join(
        [
            (
                f"The paper's {told['fits']} configurations on {told['tasks']} tasks of {told['rows']} rows and {told['columns']} columns (23 tasks, 5 "
                f"seeds), all in one program. The loop trains one model after the other on the same GPU; it is timed on one task and taken "
                f"{told['tasks']} times. 'fixed': as many epochs on both sides. 'as used': both stop early with a patience of {told['patience']}.\n"
            ),
            table(columns, lines),
            verdict(f"{LOOP_TARGET:.0f} times as fast as a loop", missed),
        ]
    )


def smoothness_table(run: Run) -> str:
    """Return the table of Lipschitz factors."""
    ours, *others = run.rows
    lines, missed = [[ours["method"], Spread(ours["seconds"]).text(), NONE]], []
    for row in others:
        # the processor is timed once, and compared with our median
        ratio = Spread([s / Spread(ours["seconds"]).median for s in row["seconds"]])
        lines.append([row["method"], Spread(row["seconds"]).text(), ratio.text(".2f")])
        if ratio.median < PEER_TARGET:
            missed.append(f"{row['method']}: {ratio.median:.2f}")
    return "\n".join(
        [
            (
                f'{ours["n"]:,} points of {ours["d"]} columns. `lipschitz_factors(device="cuda")` multiplies in float64 on the GPU and is exact, ties and '
                "equal points included; all of it is done there. The loop is what one would write: float32 "
                f"distances, no ties. The same factors as on the processor: {'yes' if run.settings['agree'] else 'no'}.\n"
            ),
            table(["method", "seconds", "embedreg on the GPU times as fast"], lines),
            verdict("not behind a loop of `torch.cdist`, nor the processor", missed),
        ]
    )


def _per(unit: str, peer: Row, ours: Row) -> Spread:
    """Return the peer's seconds a token, or a task, by ours: run by run, in their order."""
    scale = ours[unit] / peer[unit]
    return Spread([scale * b / a for a, b in zip(ours["seconds"], peer["seconds"], strict=True)])
