"""Seconds of a decoder over texts that begin alike, with what they share read once and with every text read whole."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.speed._options import Found, Options, Row
from benchmarks.speed._texts import config_text
from benchmarks.speed._timing import in_turn
from embedreg.embed import TransformerEmbedder, pull

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MODEL = "smollm2-135m"
_TEXTS = 100
_NUMBERS = 5
_LINE = (
    "Predict the validation error of an image classifier that is trained with the settings below. "
    "Rates are natural numbers, not logarithms; sizes count units. "
)
BEGINNINGS = {"nothing": 0, "a prompt": 1, "a page of instructions": 10}
"""How often `_LINE` stands before each text."""


def measure(options: Options) -> Found:
    directory = pull(MODEL, quiet=True) if options.model == Options.model else options.directory
    once, whole = TransformerEmbedder(directory), TransformerEmbedder(directory)
    whole._loaded.network.states = whole._loaded.network._padded_states  # type: ignore[method-assign, attr-defined]
    rng = np.random.default_rng(0)
    records = [config_text(rng, _NUMBERS) for _ in range(options.size(_TEXTS, 6))]
    rows: list[Row] = []
    for beginning, lines in BEGINNINGS.items():
        texts = [_LINE * lines + record for record in records]
        tokens = {
            "tokens": sum(once.count_tokens(texts)),
            "shared": once.count_tokens([_LINE * lines + "{"])[0],
        }
        calls = {
            "read once": functools.partial(embedded, once, texts),
            "read whole": functools.partial(embedded, whole, texts),
        }
        cosine = round(least_cosine(*(call() for call in calls.values())), 6)
        for name, found in in_turn(calls, options.pairs).items():
            rows.append(
                {"beginning": beginning, **tokens, "method": name, "seconds": found, "cosine": cosine}
            )
            print(f"prefix, {beginning}: {name}: {min(found):.2f} s, least cosine {cosine}", flush=True)
    settings = {"decoder": directory.name, "texts": len(records), "dtype": once.fingerprint()["dtype"]}
    return Found(rows, settings=settings)


def embedded(embedder: TransformerEmbedder, texts: Sequence[str]) -> NDArray[np.float32]:
    vectors = np.zeros((len(texts), embedder.dimension), np.float32)
    for positions, some in embedder.embed_batches(texts):
        vectors[positions] = some
    return vectors


def least_cosine(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return float(((one * other).sum(axis=1) / lengths).min())
