"""Tokens a second of embedding, ours beside its peers, and the share of the processor's peak that they reach."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.speed._engines import Engine, Setting, engines
from benchmarks.speed._machine import DTYPES, matrix_peak
from benchmarks.speed._options import OURS, Found, Options, Row
from benchmarks.speed._texts import TextSet, model_config, text_sets
from benchmarks.speed._timing import in_turn, seconds
from embedreg.embed import EmbeddingCache, TransformerEmbedder, embed_texts

if TYPE_CHECKING:
    from numpy.typing import NDArray

MATRIX = 2048
_TUNED_ON = 4  # a quarter of the texts


def measure(options: Options) -> Found:
    embedder = TransformerEmbedder(options.directory, device="cpu")
    sets = text_sets(embedder, options.size(options.tokens, 500))
    matrix = options.size(MATRIX, 256)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        setting = Setting(options.directory, embedder.window, options.threads, Path(scratch))
        here, left_out = engines(setting)
        for texts in sets:
            rows += _set_rows(texts, here, options, matrix)
    cached = _cached_rerun(embedder, sets[0].texts)
    return Found(rows, left_out, {"window": embedder.window, "matrix": matrix, "cached_rerun": cached})


def _set_rows(texts: TextSet, here: list[Engine], options: Options, matrix: int) -> list[Row]:
    """Return a row for each engine and for the peak of each precision, all measured in turn."""
    some = texts.texts[::_TUNED_ON]
    batches = {engine.name: engine.tune(some) for engine in here if engine.tune}
    for engine in here:
        engine.embed(some)  # the warm-up
    vectors: dict[str, NDArray[np.float32]] = {}

    def run(engine: Engine) -> None:
        vectors[engine.name] = engine.embed(texts.texts)

    calls = {engine.name: functools.partial(run, engine) for engine in here}
    peaks: dict[str, list[float]] = {precision: [] for precision in DTYPES}
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(options.pairs):
        for precision, found in peaks.items():
            found.append(round(matrix_peak(precision, matrix)))
        for name, found in in_turn(calls, 1).items():
            taken[name] += found
    reference = vectors[f"{OURS} float32"]
    about = {"texts": texts.name, "count": len(texts.texts), "tokens": sum(texts.tokens)}
    flop = texts.flop(model_config(options.directory))
    rows = [
        about
        | {"engine": engine.name, "precision": engine.precision, "flop": flop, "seconds": taken[engine.name]}
        | {"cosine": least_cosine(vectors[engine.name], reference)}
        | ({"batch_size": batches[engine.name]} if engine.name in batches else {})
        for engine in here
    ]
    for row in rows:
        print(
            f"{texts.name}: {row['engine']}: {min(row['seconds']):.3f} s, cosine {row['cosine']:.6f}",
            flush=True,
        )
    return rows + [
        about | {"peak": precision, "flop_per_second": found} for precision, found in peaks.items()
    ]


def least_cosine(vectors: NDArray[np.float32], reference: NDArray[np.float32]) -> float:
    """Return the least cosine of a text's vector to that of our float32 engine."""
    a, b = (found / np.linalg.norm(found, axis=1, keepdims=True) for found in (vectors, reference))
    return round(float(np.sum(a * b, axis=1).min()), 7)


def _cached_rerun(embedder: TransformerEmbedder, texts: list[str]) -> dict[str, float]:
    """Time the same call with an empty cache and with a full one."""
    with tempfile.TemporaryDirectory() as folder:
        call = functools.partial(
            embed_texts, embedder, texts, cache=EmbeddingCache(Path(folder)), progress=False
        )
        return {"first": round(seconds(call), 5), "again": round(min(seconds(call) for _ in range(3)), 5)}
