"""An embedder of one's own, written after docs/extending.md: hashed pairs of words, without any model."""

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
    optimizers, schedules = ("adam", "lion", "rmsprop", "sgd"), ("constant", "cosine", "linear", "step")
    texts = [f"{a} with a {b} rate" for a in optimizers for b in schedules]
    speeds = [2.0 * i + j for i in range(4) for j in range(4)]
    model = EmbeddingRegressor(model=WordPairs(), head="ridge", cache=False).fit(texts[:-1], speeds[:-1])
    print(model.predict(texts[-1:]).round(1), "expected", speeds[-1])
