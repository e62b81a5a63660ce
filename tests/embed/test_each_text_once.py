"""Where no cache keeps vectors, they are remembered for the time of one piece of work."""

from __future__ import annotations

import numpy as np
import pytest
from word_hashes import CountingHashes, WordHashes

from embedreg.core.each_text_once import each_text_once
from embedreg.core.errors import DataError, UsageError
from embedreg.embed import EmbeddingCache, embed_texts

TEXTS = ["adam", "sgd with momentum", "adam", "lion"]


class Negated(CountingHashes):
    """Another model, which has vectors of its own."""

    def fingerprint(self):
        return {"kind": "negated"}

    def embed_batches(self, texts):
        for positions, vectors in super().embed_batches(texts):
            yield positions, -vectors


def test_a_text_is_embedded_once_and_has_the_vector_it_would_have_had():
    model = CountingHashes()
    with each_text_once(), each_text_once():
        first = embed_texts(model, TEXTS[:2])
        again = embed_texts(model, TEXTS)
    assert model.embedded == 3
    np.testing.assert_array_equal(again, embed_texts(WordHashes(), TEXTS))
    np.testing.assert_array_equal(again[:2], first)


def test_what_a_caller_does_with_vectors_changes_no_others():
    with each_text_once():
        embed_texts(WordHashes(), TEXTS)[:] = 0
        again = embed_texts(WordHashes(), TEXTS)
    np.testing.assert_array_equal(again, embed_texts(WordHashes(), TEXTS))


def test_models_do_not_share_vectors():
    with each_text_once():
        one, other = embed_texts(CountingHashes(), TEXTS), embed_texts(Negated(), TEXTS)
    np.testing.assert_array_equal(one, -other)


def test_nothing_is_remembered_afterwards():
    model = CountingHashes()
    for _ in range(2):
        with each_text_once():
            embed_texts(model, TEXTS)
    assert model.embedded == 6


def test_a_cache_is_used_where_there_is_one(tmp_path):
    cache = EmbeddingCache(tmp_path)
    with each_text_once():
        embed_texts(WordHashes(), TEXTS, cache=cache)
    assert cache.stats().entries == 3


def test_what_is_no_list_of_texts_is_refused_and_no_texts_have_no_vectors():
    with each_text_once():
        assert embed_texts(WordHashes(), []).shape == (0, 64)
        with pytest.raises(UsageError, match="one text"):
            embed_texts(WordHashes(), "adam")
        with pytest.raises(DataError, match="a dict as text 0"):
            embed_texts(WordHashes(), [{}])
