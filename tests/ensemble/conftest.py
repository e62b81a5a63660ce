"""A target of three fields, and an embedder that needs no model."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class CountingEmbedder:
    """The mean of a fixed random vector for each word of a text; it counts the texts it was given."""

    name = "counting"
    dimension = 8

    def __init__(self) -> None:
        self.texts: list[str] = []

    def fingerprint(self) -> dict[str, Any]:
        return {"kind": self.name}

    def embed_batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], np.ndarray]]:
        self.texts.extend(texts)
        yield list(range(len(texts))), np.array([_vector(text) for text in texts], dtype=np.float32)


def _vector(text: str) -> np.ndarray:
    seeds = [int.from_bytes(hashlib.sha256(w.encode()).digest()[:8]) for w in text.split() or [text]]
    return np.mean([np.random.default_rng(seed).normal(size=8) for seed in seeds], axis=0)


@pytest.fixture
def counting() -> CountingEmbedder:
    return CountingEmbedder()


def make_records(n: int, seed: int = 0) -> tuple[list[dict[str, Any]], np.ndarray]:
    rng = np.random.default_rng(seed)
    records = [
        {"depth": int(rng.integers(1, 9)), "rate": float(rng.uniform()), "kind": "abc"[i % 3]}
        for i in range(n)
    ]
    y = np.array([r["depth"] * (1 + r["rate"]) + 2 * (r["kind"] == "b") for r in records])
    return records, y + 0.05 * rng.normal(size=n)


@pytest.fixture(scope="session")
def data() -> tuple[list[dict[str, Any]], np.ndarray]:
    return make_records(40)
