"""Texts one after the other without padding: the same states as padded ones. A processor stands in for the GPU."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from batches import batch_of

from embedreg.embed import TransformerEmbedder, _transformers_attention, embed_texts
from embedreg.embed._batch import Batch
from embedreg.embed._load_model import make_network
from embedreg.embed._model_directory import ModelDirectory
from embedreg.embed._trials import packing_works

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
        found = [batch.to_padded(state) for state in network._packed_states(batch, (0, 1, 2))]
        expected = network.states(batch, (0, 1, 2))

    for packed, padded in zip(found, expected, strict=True):
        torch.testing.assert_close(packed, padded * batch.mask[..., None], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(batch.to_padded(batch.to_tokens(padded)), padded * batch.mask[..., None])


@pytest.mark.parametrize("model", ["tiny_bert", "tiny_llama"])
@pytest.mark.parametrize("pooling", ["mean", "last", "max", "weighted"])
@pytest.mark.parametrize("layers", ["last", 1, "mean:1-2", "all"])
def test_vectors_of_an_embedder_whose_network_packs(model, pooling, layers, request):
    texts = ["", *(" ".join(["learning rate of the model"] * (1 + i % 25)) + f" {i}" for i in range(60))]
    path = request.getfixturevalue(model)
    settings = {"pooling": pooling, "layers": layers, "window": 64}  # some texts are several windows
    expected = embed_texts(TransformerEmbedder(path, **settings), texts, progress=False)
    embedder = TransformerEmbedder(path, batch_tokens=100, **settings)
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

    def a_little_is_read(batch, indices):
        """As a convolution over a few tokens would, whatever text they are of."""
        [states] = network._packed_states(batch, indices)
        return [states + 0.02 * states.roll(1, dims=1)]

    def a_token_is_rounded_otherwise(batch, indices):
        """As SmolLM2's are in bfloat16: single ones by a third."""
        [states] = network._packed_states(batch, indices)
        return [torch.cat([states[:, :5], 1.3 * states[:, 5:6], states[:, 6:]], dim=1)]

    assert packing_works(a_token_is_rounded_otherwise, *trial)

    def no_room(batch, indices):
        raise torch.OutOfMemoryError("CUDA out of memory")

    assert not packing_works(
        a_little_is_read, lambda b, i: [b.to_padded(a_little_is_read(b, i)[0])], *trial[1:]
    )
    with pytest.raises(torch.OutOfMemoryError):
        packing_works(no_room, *trial)
    assert not packing_works(texts_read_each_other, *trial)
    assert not packing_works(refused, *trial)
    assert not network.packs, "on a processor padding is as good"


def test_a_window_of_attention_is_not_packed(tiny_llama):
    network = make_network(ModelDirectory(tiny_llama), torch.float32, CPU, None)
    network.model.config.sliding_window = 4
    asked = torch.ones(3, 1, 1, 4, 2).unbind()

    assert not _transformers_attention.may_pack(network.model)
    with (
        _transformers_attention.attending_within(batch_of(torch.ones(1, 4))),
        pytest.raises(NotImplementedError),
    ):
        _transformers_attention._attend(network.model, *asked, None, sliding_window=4)


def test_layers_of_another_kind_are_not_packed(tiny_llama):
    network = make_network(ModelDirectory(tiny_llama), torch.float32, CPU, None)
    assert _transformers_attention.may_pack(network.model)
    network.model.config.layer_types = ["full_attention", "conv"]

    assert not _transformers_attention.may_pack(network.model)


def test_attention_refuses_other_tokens_than_its_own():
    batch = batch_of(torch.ones(2, 4, dtype=torch.int64))
    with pytest.raises(ValueError, match="3 queries and 3 keys of 8 tokens"):
        batch.attention(*torch.ones(3, 1, 1, 3, 2).unbind(), causal=True, scale=None)


@pytest.mark.parametrize("share", [0, 40])
def test_what_texts_share_is_read_once_where_that_is_less(tiny_llama, share, monkeypatch):
    network = make_network(ModelDirectory(tiny_llama), torch.float32, CPU, None)
    network.packs = True
    rng = np.random.default_rng(0)
    beginning = rng.integers(5, 200, share)
    batch = Batch([np.r_[beginning, rng.integers(5, 200, n)] for n in (3, 4, 9)], 0, CPU)
    used = []
    states = network._prefix.states
    monkeypatch.setattr(network._prefix, "states", lambda *a: used.append(True) or states(*a))
    with torch.inference_mode():
        found, expected = network.states(batch, (2,))[0], network._padded_states(batch, (2,))[0]

    assert bool(used) == (share > 0)
    torch.testing.assert_close(batch.to_tokens(found), batch.to_tokens(expected), rtol=1e-4, atol=1e-5)


def test_a_gpu_without_memory_gets_smaller_batches_without_padding_too(tiny_bert, monkeypatch):
    texts = [" ".join(["rate"] * n) for n in (60, *[3] * 40)]
    expected = embed_texts(TransformerEmbedder(tiny_bert), texts, progress=False)
    embedder = TransformerEmbedder(tiny_bert, batch_tokens=4096)
    network = embedder._loaded.network
    network.packs, states, sizes = True, network.states, []

    def limited(batch, indices):
        sizes.append(int(batch.lengths.sum()))
        if sizes[-1] > 100:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return states(batch, indices)

    monkeypatch.setattr(network, "states", limited)
    found = embed_texts(embedder, texts, progress=False)

    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert all(a > b for a, b in itertools.pairwise(sizes) if a > 100), "no batch is tried twice"
