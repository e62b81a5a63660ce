"""Texts one after the other without padding: the same states as padded ones. A processor stands in for the GPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from batches import batch_of

from embedreg.embed import TransformerEmbedder, _transformers_attention, embed_texts
from embedreg.embed._batch import Batch, packing_works
from embedreg.embed._load_model import make_network
from embedreg.embed._model_directory import ModelDirectory

CPU = torch.device("cpu")


def windows(*lengths, most=200):
    rng = np.random.default_rng(0)
    return [rng.integers(5, most, length).astype(np.int32) for length in lengths]


def test_one_array_is_sent_and_padded_there():
    batch = Batch([np.array([1, 2, 3], dtype=np.int32), np.array([4], dtype=np.int32)], 9, CPU)

    assert batch.ids.tolist() == [[1, 2, 3], [4, 9, 9]]
    assert batch.mask.tolist() == [[1, 1, 1], [1, 0, 0]]
    assert batch.ids.dtype == batch.mask.dtype == torch.int64
    assert not batch.whole
    assert batch.starts.dtype == torch.int32


@pytest.mark.parametrize(
    ("rows", "shared"),
    [
        ([[1, 2, 3], [1, 2, 4]], 2),
        ([[1, 2, 3], [1, 2]], 2),
        ([[1, 2], [1, 2]], 1),  # the longest has one more
        ([[1, 2, 3], [4, 2, 3]], 0),
        ([[1, 2, 3, 4]], 3),
    ],
)
def test_tokens_that_all_begin_with(rows, shared):
    assert Batch([np.array(row) for row in rows], 0, CPU).shared == shared


@pytest.fixture(params=["tiny_bert", "tiny_llama", "tiny_gpt2"])
def network(request):
    return make_network(ModelDirectory(request.getfixturevalue(request.param)), torch.float32, CPU, None)


def test_states_are_those_of_padded_texts(network):
    batch = Batch(windows(9, 4, 7, 1, most=len(network.vocabulary)), 0, CPU)

    with torch.inference_mode():
        found = [batch.padded(state) for state in network._packed_states(batch, (0, 1, 2))]
        expected = network.states(batch, (0, 1, 2))

    for packed, padded in zip(found, expected, strict=True):
        torch.testing.assert_close(packed, padded * batch.mask[..., None], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(batch.padded(batch.packed(padded)), padded * batch.mask[..., None])


@pytest.mark.parametrize("model", ["tiny_bert", "tiny_llama"])
@pytest.mark.parametrize("pooling", ["mean", "last", "max"])
def test_vectors_of_an_embedder_whose_network_packs(model, pooling, request):
    texts = [" ".join(["learning rate of the model"] * (1 + i % 7)) + f" {i}" for i in range(40)]
    path = request.getfixturevalue(model)
    expected = embed_texts(TransformerEmbedder(path, pooling=pooling), texts, progress=False)
    embedder = TransformerEmbedder(path, pooling=pooling, batch_tokens=100)
    embedder._loaded.network.packs = True

    found = embed_texts(embedder, texts, progress=False)

    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_it_is_tried_before_it_is_used(tiny_llama):
    network = make_network(ModelDirectory(tiny_llama), torch.float32, CPU, None)
    trial = network._padded_states, network.vocabulary, network.layers
    assert packing_works(network._packed_states, *trial)

    def texts_read_each_other(batch, indices):
        return network._states(batch.tokens[None], None, indices)

    def refused(batch, indices):
        raise NotImplementedError

    assert not packing_works(texts_read_each_other, *trial)
    assert not packing_works(refused, *trial)
    assert not network.packs, "on a processor padding is as good"


def test_a_window_of_attention_is_not_packed(tiny_llama):
    network = make_network(ModelDirectory(tiny_llama), torch.float32, CPU, None)
    network.model.config.sliding_window = 4
    asked = torch.ones(3, 1, 1, 4, 2).unbind()

    assert not _transformers_attention.may_pack(network.model)
    with (
        _transformers_attention.packed_attention(batch_of(torch.ones(1, 4))),
        pytest.raises(NotImplementedError),
    ):
        _transformers_attention._attend(network.model, *asked, None, sliding_window=4)
