"""An embedder that needs no model."""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class WordHashes:
    """A stand-in for a language model: the mean of a fixed random vector for each word."""

    name = "word-hashes"
    dimension = 64

    def __repr__(self) -> str:  # without an address, which would make a test's name another in each process
        return f"{type(self).__name__}()"

    def fingerprint(self) -> dict[str, Any]:
        return {"kind": self.name}

    def embed_batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], np.ndarray]]:
        vectors = [np.mean([_vector(word) for word in text.split()], axis=0) for text in texts]
        yield list(range(len(texts))), np.array(vectors, dtype=np.float32).reshape(-1, self.dimension)


class CountingHashes(WordHashes):
    """Word hashes that count the texts they were given."""

    def __init__(self) -> None:
        self.embedded = 0
        self.seen: set[str] = set()

    def embed_batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], np.ndarray]]:
        self.embedded += len(texts)
        self.seen.update(texts)
        yield from super().embed_batches(texts)


@functools.cache
def _vector(word: str) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8])
    return np.random.default_rng(seed).normal(size=WordHashes.dimension)
