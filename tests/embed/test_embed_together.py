"""Several embedders from one forward pass: the vectors of each alone, and each one's own in the cache."""

from __future__ import annotations

import numpy as np
import pytest

from embedreg.core.errors import ModelError, UsageError
from embedreg.embed import EmbeddingCache, TransformerEmbedder, embed_texts
from embedreg.embed import _embed_together as module
from embedreg.embed import _embedding_session as sessions
from embedreg.embed._embed_together import embed_together, forward_key

TEXTS = ["adam", '{"lr": 0.25, "size": 1024, "name": "sgd"} ' * 9, "", "adam", "learning rate " * 30]
READ_OUTS = [
    {},
    {"pooling": "max"},
    {"layers": "all"},
    {"pooling": "weighted", "layers": 0},
    {"layers": "mean"},
]


class Lengths:
    name, dimension = "lengths", 1

    def fingerprint(self):
        return {"model": self.name}

    def embed_batches(self, texts):
        yield list(range(len(texts))), np.array([[len(t)] for t in texts], dtype=np.float32)


@pytest.fixture
def cache(tmp_path):
    return EmbeddingCache(tmp_path / "vectors")


@pytest.fixture
def read_outs(tiny_bert):
    return [TransformerEmbedder(tiny_bert, **settings) for settings in READ_OUTS]


def count_passes(embedder, monkeypatch):
    """A list of (texts in a batch, layers asked for), one for each forward pass."""
    network, passes = embedder._loaded.network, []
    states = network.states

    def counted(batch, indices):
        passes.append((len(batch), indices))
        return states(batch, indices)

    monkeypatch.setattr(network, "states", counted, raising=False)
    return passes


def alone(path, **settings):
    return embed_texts(TransformerEmbedder(path, **settings), TEXTS)


@pytest.mark.parametrize("model", ["tiny_bert", "tiny_llama"])
def test_vectors_are_those_of_each_alone(model, request, cache):
    path = request.getfixturevalue(model)
    embedders = [TransformerEmbedder(path, **settings) for settings in READ_OUTS]

    found = embed_together([*embedders, Lengths()], TEXTS, cache=cache)

    for vectors, settings in zip(found, READ_OUTS, strict=False):
        np.testing.assert_allclose(vectors, alone(path, **settings), rtol=1e-5, atol=1e-6)
    assert found[-1].ravel().tolist() == [len(text) for text in TEXTS]
    assert all("_loaded" not in vars(embedder) for embedder in embedders[1:])


def test_one_pass_for_all_and_each_finds_its_own_in_the_cache(read_outs, cache, monkeypatch):
    passes = count_passes(read_outs[0], monkeypatch)

    found = embed_together(read_outs, TEXTS, cache=cache)

    assert {indices for _, indices in passes} == {(0, 1, 2)}
    windows = sum(size for size, _ in passes)
    lengths = read_outs[0]._loaded.tokenize(list(dict.fromkeys(TEXTS))).lengths
    assert windows == len(lengths)
    for embedder, vectors in zip(read_outs, found, strict=True):
        lookup = cache.get(embedder.fingerprint(), embedder.dimension, TEXTS)
        assert lookup.found.all()
        assert np.array_equal(lookup.vectors, vectors)


def test_layers_above_the_deepest_are_not_run(tiny_bert, monkeypatch):
    embedders = [TransformerEmbedder(tiny_bert, layers=layer) for layer in (0, 1)]
    embedders[0]._loaded.network._layers[1] = None

    first, _ = embed_together(embedders, ["adam"])

    assert first.shape == (1, 32)


def test_what_is_in_the_cache_is_not_embedded_again(read_outs, cache, monkeypatch):
    mean, greatest, every = read_outs[:3]
    expected = embed_together(read_outs[:3], TEXTS)
    embed_texts(mean, TEXTS, cache=cache)
    embed_texts(greatest, TEXTS[:3], cache=cache)
    asked = []
    batches = TransformerEmbedder.embed_batches_for

    def noted(self, readers, texts):
        asked.append((readers, list(texts)))
        return batches(self, readers, texts)

    monkeypatch.setattr(TransformerEmbedder, "embed_batches_for", noted)
    found = embed_together([mean, greatest, every], TEXTS, cache=cache)
    again = embed_together([mean, greatest, every], TEXTS, cache=cache)

    assert asked == [([greatest, every], [*TEXTS[:3], TEXTS[4]])]
    for vectors, later, wanted in zip(found, again, expected, strict=True):
        np.testing.assert_allclose(vectors, wanted, rtol=1e-5, atol=1e-6)
        assert np.array_equal(later, vectors)


def test_what_was_embedded_before_an_interruption_is_kept_for_each(read_outs, cache, monkeypatch):
    monkeypatch.setattr(module, "TEXTS_AT_ONCE", 2)
    batches = TransformerEmbedder.embed_batches_for
    calls = []

    def interrupted(self, readers, texts):
        calls.append(texts)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return batches(self, readers, texts)

    monkeypatch.setattr(TransformerEmbedder, "embed_batches_for", interrupted)
    with pytest.raises(KeyboardInterrupt):
        embed_together(read_outs, TEXTS, cache=cache)

    for embedder in read_outs:
        found = cache.get(embedder.fingerprint(), embedder.dimension, TEXTS).found
        assert found.tolist() == [True, True, False, True, False]


def test_what_shares_a_pass(tiny_bert, tiny_llama):
    def key(path=tiny_bert, **settings):
        return forward_key(TransformerEmbedder(path, **settings))

    assert key() == key(pooling="max", layers="all", name="x", batch_tokens=7)
    others = [
        key(tiny_llama),
        key(dtype="bfloat16"),
        key(window=32),
        key(prompt="query: "),
        key(weights="random"),
        key(weights="random", seed=1),
        key(forward=False),
        key(device="cpu"),
    ]
    assert len({key(), *others}) == 1 + len(others)
    one, other = Lengths(), Lengths()
    assert forward_key(one) != forward_key(other)


def test_values_that_are_not_finite_are_refused(read_outs, monkeypatch):
    monkeypatch.setattr(sessions, "_STORE_SECONDS", 0.0)
    network = read_outs[0]._loaded.network
    network._norm[1][0] = float("nan")

    with pytest.raises(ModelError, match="NaN or infinite"):
        embed_together(read_outs[:2], TEXTS)


def test_no_texts_and_one_text_instead_of_a_list(read_outs):
    assert [vectors.shape for vectors in embed_together(read_outs[:3], [])] == [(0, 32), (0, 32), (0, 64)]
    with pytest.raises(UsageError, match="wrap it in a list"):
        embed_together(read_outs, "adam")
