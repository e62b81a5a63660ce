"""The tables of embedding: one for each set of texts."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from benchmarks.speed._options import OURS
from benchmarks.speed._tables import NONE, Spread, groups, table, times_as_fast, verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.speed._options import Row
    from benchmarks.speed._store import Run

TARGET = 1.0  # times as fast as a peer, at the peer's precision
USUAL = "sentence-transformers, defaults"
USUAL_TARGET, USUAL_TARGET_WITH_AMX = 1.3, 4.0  # times as fast as that, by our fastest
BEST_TARGET_WITH_AMX = 1.5  # times as fast as any peer, by our fastest
SHARE_TARGET = 0.5  # of the peak
_COLUMNS = [
    "engine", "precision", "tokens/s", "share of the peak", "least cosine",
    "embedreg at this precision times as fast", "embedreg's fastest times as fast",
]  # fmt: skip


def embedding_tables(run: Run) -> str:
    """Return the tables of a run."""
    told = run.settings
    first, again = told["cached_rerun"]["first"], told["cached_rerun"]["again"]
    parts = [
        (
            f"`{told['model']}`, all engines with the same weights, texts, window ({told['window']} tokens, which no text exceeds) and "
            "threads. The peak is what the processor reaches in products of square matrices of "
            f"{told['matrix']} in an engine's precision, measured in turn with the engines; operations are counted over real tokens, so "
            "padding counts for nothing. The cosine is the least of a text's vector to that of embedreg in float32. 'Tuned batches': the "
            "batch size that was fastest on a quarter of the texts. OpenVINO chooses its precision by itself.\n"
        ),
    ]
    sets = groups(run.rows, "texts")
    for (name,), rows in sets.items():
        parts += [_described(name, rows), table(_COLUMNS, _lines(rows))]
    parts.append(f"The first set again, from the cache of embeddings: {first / again:,.0f} times as fast.\n")
    for target, missed in _targets("amx" in run.machine["instructions"]).items():
        parts.append(
            verdict(target, [f"{name}: {short}" for (name,), rows in sets.items() for short in missed(rows)])
        )
    return "\n".join(parts)


def runs_beside(earlier: Sequence[Run], last: Run) -> str:
    """Return a table of all runs on a machine whose products are faster at some hours than at others."""
    names = [name for (name,) in groups(last.rows, "texts")]
    lines = [
        [
            run.machine["date"],
            run.machine.get("commit", NONE),
            Spread([_peak(run, "bfloat16") / 1e12]).text(),
            *(
                f"{ratio:.2f}"
                for peers in (_is_usual, _is_any)
                for name in names
                for ratio in [_least_ahead(groups(run.rows, "texts")[name,], peers)]
            ),
        ]
        for run in (last, *reversed(earlier))
    ]
    columns = ["date", "commit", "TFLOP/s of products in bfloat16"]
    columns += [f"{what}: {name}" for what in (USUAL, "the fastest peer") for name in names]
    return "\n".join(
        [
            (
                "How fast products are differs from hour to hour there, whatever the reason. All runs that were kept, the one above "
                "first: how many times as fast embedreg's fastest is.\n"
            ),
            table(columns, lines),
        ]
    )


def _peak(run: Run, precision: str) -> float:
    """Return the median of the peaks that a run met."""
    met = [peak for row in run.rows if row.get("peak") == precision for peak in row["flop_per_second"]]
    return statistics.median(met)


def _is_usual(row: Row) -> bool:
    return bool(row["engine"] == USUAL)


def _is_any(_row: Row) -> bool:
    return True


def _least_ahead(rows: list[Row], chosen: Callable[[Row], bool]) -> float:
    """Return how many times as fast as the fastest of chosen peers our fastest is."""
    peers = [row for row in _engines(rows) if not _is_ours(row) and chosen(row)]
    return min(times_as_fast(peer, _fastest(rows)).median for peer in peers)


def _targets(has_amx: bool) -> dict[str, Callable[[list[Row]], list[str]]]:
    """Return what is aimed at, with what tells where the rows of a set of texts miss it."""
    least = USUAL_TARGET_WITH_AMX if has_amx else USUAL_TARGET
    found: dict[str, Callable[[list[Row]], list[str]]] = {
        f"embedreg's fastest at least {least} times as fast as {USUAL}": lambda rows: _behind(
            rows, least, {USUAL}
        ),
        f"at least {SHARE_TARGET:.0%} of the peak": _below_share,
        "at its own precision no peer is faster, by the median": _missed,
    }
    if has_amx:
        said = f"embedreg's fastest at least {BEST_TARGET_WITH_AMX} times as fast as any peer"
        found[said] = lambda rows: _behind(rows, BEST_TARGET_WITH_AMX)
    return found


def _behind(rows: list[Row], target: float, peers: set[str] | None = None) -> list[str]:
    ratios = {
        row["engine"]: times_as_fast(row, _fastest(rows)).median
        for row in _engines(rows)
        if not _is_ours(row) and (peers is None or row["engine"] in peers)
    }
    return [f"{name} {ratio:.2f}" for name, ratio in ratios.items() if ratio < target]


def _below_share(rows: list[Row]) -> list[str]:
    peaks = {row["peak"]: row["flop_per_second"] for row in rows if "peak" in row}
    shares = {
        row["engine"]: Spread(_shares(row, peaks[row["precision"]])).median
        for row in _engines(rows)
        if _is_ours(row) and row["precision"] in peaks
    }
    return [f"{name} {share:.0%}" for name, share in shares.items() if share < SHARE_TARGET]


def _described(name: str, rows: list[Row]) -> str:
    count, tokens = rows[0]["count"], rows[0]["tokens"]
    return f"{name.capitalize()}: {count} texts, {tokens:,} tokens, {tokens / count:.0f} a text.\n"


def _lines(rows: list[Row]) -> list[list[str]]:
    peaks = {row["peak"]: row["flop_per_second"] for row in rows if "peak" in row}
    fastest = _fastest(rows)
    return [
        [
            row["engine"] + (f" ({row['batch_size']})" if "batch_size" in row else ""),
            row["precision"],
            Spread([row["tokens"] / seconds for seconds in row["seconds"]]).text(",.0f"),
            _share(row, peaks.get(row["precision"])),
            f"{row['cosine']:.5f}",
            *(
                [NONE, NONE]
                if _is_ours(row)
                else [times_as_fast(row, our).text() for our in (_alike(row, rows), fastest)]
            ),
        ]
        for row in _engines(rows)
    ]


def _share(row: Row, peaks: list[float] | None) -> str:
    return NONE if peaks is None else f"{Spread(_shares(row, peaks)).median:.0%}"


def _shares(row: Row, peaks: list[float]) -> list[float]:
    return [row["flop"] / seconds / peak for seconds, peak in zip(row["seconds"], peaks, strict=True)]


def _missed(rows: list[Row]) -> list[str]:
    ratios = {
        row["engine"]: times_as_fast(row, _alike(row, rows)).median
        for row in _engines(rows)
        if not _is_ours(row)
    }
    return [f"{name} {ratio:.2f}" for name, ratio in ratios.items() if ratio < TARGET]


def _engines(rows: list[Row]) -> list[Row]:
    return [row for row in rows if "engine" in row]


def _is_ours(row: Row) -> bool:
    return bool(row["engine"].split()[0] == OURS)


def _alike(peer: Row, rows: list[Row]) -> Row:
    """Return our row of the peer's precision, or our fastest where we have none of it."""
    ours = [row for row in _engines(rows) if _is_ours(row)]
    return next((row for row in ours if row["precision"] == peer["precision"]), _fastest(rows))


def _fastest(rows: list[Row]) -> Row:
    ours = [row for row in _engines(rows) if _is_ours(row)]
    return min(ours, key=lambda row: Spread(row["seconds"]).median)
