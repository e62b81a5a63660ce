"""An embedder of one's own, written after docs/extending.md: hashed pairs of words, without any model.

python examples/own_embedder.py
"""

import itertools
import zlib

import numpy as np

from embedreg import EmbeddingRegressor


class WordPairs:
    """Counts hashed pairs of neighbouring words: vectors (n, dimension) in float32."""

    name = "word-pairs"

    def __init__(self, dimension=64):
        self.dimension = dimension

    def fingerprint(self):
        """Say everything that decides a vector, so that the cache never mixes two of them up."""
        return {"engine": self.name, "version": 1, "dimension": self.dimension}

    def embed_batches(self, texts):
        """Yield positions and vectors; any order and any number at once will do."""
        for position, text in enumerate(texts):
            vector = np.zeros((1, self.dimension), dtype=np.float32)
            words = ["", *text.split(), ""]
            for pair in itertools.pairwise(words):
                vector[0, zlib.crc32(" ".join(pair).encode()) % self.dimension] += 1
            yield [position], vector


if __name__ == "__main__":
    texts = [f"adam with {n} layers and rate {n / 10}" for n in range(40)]
    model = EmbeddingRegressor(model=WordPairs(), cache=False).fit(texts, [float(n) for n in range(40)])
    print(model.predict(["adam with 12 layers and rate 1.2"]).round(1))
