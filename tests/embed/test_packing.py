"""Texts one after the other without padding: the same states as padded ones. A processor stands in for the GPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from embedreg.embed import TransformerEmbedder, _transformers_attention, embed_texts
from embedreg.embed._load_model import make_network
from embedreg.embed._model_directory import ModelDirectory
from embedreg.embed._packing import packing_of, packing_works
from embedreg.embed._windows import plan_packed_batches

CPU = torch.device("cpu")
LENGTHS = np.array([9, 4, 7, 1])


def batch():
    ids = torch.randint(5, 200, (len(LENGTHS), LENGTHS.max()), generator=torch.Generator().manual_seed(0))
    return ids, torch.from_numpy((np.arange(LENGTHS.max()) < LENGTHS[:, None]).astype(np.int64))


@pytest.fixture(params=["tiny_bert", "tiny_llama", "tiny_gpt2"])
def network(request):
    return make_network(ModelDirectory(request.getfixturevalue(request.param)), torch.float32, CPU, None)


def test_states_are_those_of_padded_texts(network):
    ids, mask = batch()
    ids %= len(network.vocabulary)
    packing = packing_of(LENGTHS, CPU)

    with torch.inference_mode():
        found = [packing.padded(state) for state in network._packed_states(ids, packing, (0, 1, 2))]
        expected = network.states(ids, mask, (0, 1, 2))

    for packed, padded in zip(found, expected, strict=True):
        torch.testing.assert_close(packed, padded * mask[..., None], rtol=1e-4, atol=1e-5)


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


def test_it_is_tried_before_it_is_used(tiny_llama, tiny_bert):
    network = make_network(ModelDirectory(tiny_llama), torch.float32, CPU, None)
    trial = network._states, network.vocabulary, network.layers
    assert packing_works(network._packed_states, *trial)

    def texts_read_each_other(ids, packing, indices):
        return network._states(packing.packed(ids), None, indices)

    def refused(ids, packing, indices):
        raise NotImplementedError

    assert not packing_works(texts_read_each_other, *trial)
    assert not packing_works(refused, *trial)
    assert not network.packs, "on a processor padding is as good"


def test_a_window_of_attention_is_not_packed(tiny_llama):
    network = make_network(ModelDirectory(tiny_llama), torch.float32, CPU, None)
    network.model.config.sliding_window = 4
    packing = packing_of(LENGTHS, CPU)

    assert not _transformers_attention.may_pack(network.model)
    with _transformers_attention.packed_attention(packing), pytest.raises(NotImplementedError):
        _transformers_attention._attend(
            network.model, *torch.ones(3, 1, 1, 4, 2).unbind(), None, sliding_window=4
        )


def test_batches_without_padding_are_full():
    lengths = np.array([5, 1, 3, 9, 4, 2, 30])
    batches = list(plan_packed_batches(lengths, 10))
    assert sorted(np.concatenate(batches).tolist()) == list(range(7))
    assert [int(lengths[b].sum()) for b in batches] == [30, 9, 9, 6]
