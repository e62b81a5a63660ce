"""scikit-learn's own checks, which give numeric arrays."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
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


BLIND = (
    "hashes of words know nothing of how near two numbers are, so nothing can be learnt from numeric arrays"
)
WEIGHTS = "leaving out one of two equal rows is not leaving out a row of weight two"


def expected_failures(estimator):
    if isinstance(estimator, TextEmbedder):
        return {}
    failures = {"check_sample_weight_equivalence_on_dense_data": WEIGHTS}
    return failures | ({"check_regressors_train": BLIND} if estimator.representation == "embedding" else {})


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")  # checks that do not apply say so
@parametrize_with_checks(
    [
        EmbeddingRegressor(model=WordHashes(), cache=False),
        EmbeddingRegressor(representation="tabular"),
        TextEmbedder(model=WordHashes(), cache=False),
    ],
    expected_failed_checks=expected_failures,
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)
