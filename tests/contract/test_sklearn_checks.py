"""scikit-learn's own checks, which give numeric arrays."""

from __future__ import annotations

import hashlib

import numpy as np
from sklearn.utils.estimator_checks import parametrize_with_checks

from embedreg import EmbeddingRegressor, TextEmbedder


class WordHashes:
    """A stand-in for a language model: the mean of a fixed random vector for each word."""

    name = "word-hashes"
    dimension = 64

    def fingerprint(self):
        return {"kind": self.name}

    def embed_batches(self, texts):
        yield (
            list(range(len(texts))),
            np.array([self._vector(t) for t in texts], dtype=np.float32).reshape(-1, 64),
        )

    def _vector(self, text):
        words = text.split()
        seeds = [int.from_bytes(hashlib.sha256(w.encode()).digest()[:8]) for w in words]
        return np.mean([np.random.default_rng(s).normal(size=64) for s in seeds], axis=0)


EXPECTED = {
    "check_n_features_in_after_fitting": "mappings and texts have no fixed number of features; arrays do",
}


@parametrize_with_checks(
    [
        EmbeddingRegressor(model=WordHashes(), cache=False),
        EmbeddingRegressor(representation="tabular"),
        TextEmbedder(model=WordHashes(), cache=False),
    ],
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)
