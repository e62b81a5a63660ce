"""How seconds grow: embedding with records and with the length of texts, heads with dimension, all of it with threads."""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.speed import _grids
from benchmarks.speed._machine import limited_threads
from benchmarks.speed._options import Found, Options, Row
from benchmarks.speed._texts import config_text, text_of
from benchmarks.speed._timing import in_turn
from benchmarks.speed.ridge import make_rows, ours
from embedreg.embed import TransformerEmbedder, embed_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

RECORDS = (500, 1000, 2000, 4000)
NUMBERS = 1  # of a record, beside a name: many records of few tokens
LENGTHS, TOKENS = (16, 32, 64, 128, 256, 500), 6000
DIMENSIONS, ROWS, EPOCHS = (96, 384, 768, 1536, 2304), 400, 5
DTYPES = ("float32", "bfloat16")
_QUICK_LENGTHS, _QUICK_DIMENSIONS = (16, 32), (4, 8)


def measure(options: Options) -> Found:
    embedders = {dtype: TransformerEmbedder(options.directory, device="cpu", dtype=dtype) for dtype in DTYPES}
    pairs = min(2, options.pairs)
    rows = [
        *_by_records(embedders, options.size(RECORDS, (5, 10))),
        *_by_length(embedders, options.size(LENGTHS, _QUICK_LENGTHS), options.size(TOKENS, 64), pairs),
        *_by_dimension(options.size(DIMENSIONS, _QUICK_DIMENSIONS), options.size(ROWS, 60), pairs),
        *_by_threads(embedders, options),
    ]
    for row in rows:
        print(f"{row['curve']}: {row['line']} at {row['x']}: {min(row['seconds']):.4f} s", flush=True)
    return Found(rows, settings={"rows": ROWS, "epochs": EPOCHS})


Embedders = dict[str, TransformerEmbedder]


def _by_records(embedders: Embedders, counts: Iterable[int]) -> list[Row]:
    """Return the seconds of one embedding each: they are the longest, and differ least."""
    texts = _configurations(max(counts))
    _warm(embedders, texts[:20])
    return [
        row
        for count in counts
        for row in _rows("records", count, _embedding(embedders, texts[:count]), pairs=1)
    ]


def _by_length(embedders: Embedders, lengths: Iterable[int], tokens: int, pairs: int) -> list[Row]:
    rng = np.random.default_rng(0)
    rows = []
    for length in lengths:
        one = next(iter(embedders.values()))
        texts = [text_of(one, rng, length) for _ in range(-(-tokens // length))]
        read = sum(one.count_tokens(list(dict.fromkeys(texts))))
        rows += [
            row | {"tokens": read} for row in _rows("length", length, _embedding(embedders, texts), pairs)
        ]
    return rows


def _by_dimension(dimensions: Iterable[int], rows: int, pairs: int) -> list[Row]:
    found = []
    for d in dimensions:
        X, Y = make_rows(rows, d, 1)
        calls = {
            "ridge": functools.partial(ours, X, Y),
            "mlp": functools.partial(_grids.embedreg, _grids.make_data(rows, d), EPOCHS, None),
        }
        found += _rows("dimension", d, calls, pairs)
    return found


def _by_threads(embedders: Embedders, options: Options) -> list[Row]:
    """Return seconds of the same work with one thread and with more, in turn."""
    texts = _configurations(options.size(200, 5))
    X, Y = make_rows(options.size(2000, 30), options.size(768, 8), 1)
    calls = {
        **{f"embedding {dtype}": call for dtype, call in _embedding(embedders, texts).items()},
        "ridge": functools.partial(ours, X, Y),
        "mlp": functools.partial(
            _grids.embedreg, _grids.make_data(options.size(ROWS, 60), options.size(384, 8)), EPOCHS, None
        ),
    }
    found: dict[tuple[int, str], list[float]] = {}
    for _, count in itertools.product(range(options.pairs), sorted({1, options.threads})):
        with limited_threads(count):
            for name, taken in in_turn(calls, 1).items():
                found.setdefault((count, name), []).extend(taken)
    return [
        {"curve": "threads", "x": count, "line": name, "seconds": taken}
        for (count, name), taken in found.items()
    ]


def _rows(curve: str, x: int, calls: dict[str, Callable[[], Any]], pairs: int) -> list[Row]:
    taken = in_turn(calls, pairs)
    return [{"curve": curve, "x": x, "line": name, "seconds": found} for name, found in taken.items()]


def _embedding(embedders: Embedders, texts: list[str]) -> dict[str, Callable[[], Any]]:
    return {
        dtype: functools.partial(embed_texts, embedder, texts, progress=False)
        for dtype, embedder in embedders.items()
    }


def _warm(embedders: Embedders, texts: list[str]) -> None:
    for call in _embedding(embedders, texts).values():
        call()


def _configurations(count: int) -> list[str]:
    rng = np.random.default_rng(1)
    return [config_text(rng, NUMBERS) for _ in range(count)]
