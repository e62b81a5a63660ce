"""What texts begin with alike is read once by decoders, and changes no vector."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from batches import batch_of
from hypothesis import given, settings
from hypothesis import strategies as st

from embedreg.embed import TransformerEmbedder
from embedreg.embed._load_model import make_network
from embedreg.embed._loading import TransformersNetwork
from embedreg.embed._model_directory import ModelDirectory

PROMPT = json.dumps({"weight decay": 0.125, "size": 77, "learning rate": [0.1, 0.2]}) + " "
TEXTS = [PROMPT + "a" * (1 + 7 * i % 5) + json.dumps({"lr": i / 7, "n": i}) for i in range(20)]


def loaded(path):
    return make_network(ModelDirectory(path), torch.float32, torch.device("cpu"), None)


@pytest.fixture
def tokens_read(monkeypatch):
    """Shapes of the ids that models were given."""
    shapes = []
    whole = TransformersNetwork._states

    def noted(self, ids, *others):
        shapes.append(tuple(ids.shape))
        return whole(self, ids, *others)

    monkeypatch.setattr(TransformersNetwork, "_states", noted)
    return shapes


@pytest.mark.parametrize("model", ["tiny_llama", "tiny_gpt2"])
@pytest.mark.parametrize("layers", ["last", "all", 0, 1])
@pytest.mark.parametrize("pooling", ["mean", "last", "max", "weighted"])
def test_vectors_are_those_of_texts_alone(model, layers, pooling, request, tokens_read):
    embedder = TransformerEmbedder(request.getfixturevalue(model), layers=layers, pooling=pooling)
    together = np.zeros((len(TEXTS), embedder.dimension), np.float32)
    for positions, vectors in embedder.embed_batches(TEXTS):
        together[positions] = vectors
    assert layers == 0 or any(b > 1 and t < min(embedder.count_tokens(TEXTS)) for b, t in tokens_read)
    alone = [vectors for text in TEXTS for _, vectors in embedder.embed_batches([text])]
    np.testing.assert_allclose(together, np.concatenate(alone), rtol=1e-4, atol=1e-5)


def test_the_prefix_is_read_once_for_all_batches(tiny_llama, tokens_read, one_thread):
    embedder = TransformerEmbedder(tiny_llama, batch_tokens=200)
    texts = [f"{PROMPT}{letter}{letter}" for letter in "BCDFGHJKLMNPQ"]
    list(embedder.embed_batches(texts))
    tried, ran = tokens_read[:4], tokens_read[4:]
    assert all(t <= 12 for _, t in tried)
    [(one, prefix), *batches] = ran
    assert one == 1
    assert len(batches) > 2
    assert all(prefix + t == embedder.count_tokens(texts)[0] for _, t in batches)
    assert batches[-1][0] == 1  # one text alone, after others that begin alike


@torch.inference_mode()
@pytest.mark.parametrize("model", ["tiny_bert", "tiny_electra", "tiny_t5"])
def test_models_that_read_both_ways_are_run_whole(model, request):
    network = loaded(request.getfixturevalue(model))
    ids = torch.full((2, 30), 7)
    ids[1, -1] = 8
    if not isinstance(network, TransformersNetwork):
        return  # has no notion of a prefix
    assert not network._prefix.works
    assert network._prefix.states(batch_of(ids), (1,)) is None


@torch.inference_mode()
@settings(max_examples=40, deadline=None)
@given(
    same=st.integers(0, 40),
    rest=st.lists(st.integers(0, 9), min_size=1, max_size=4),
    indices=st.sampled_from([(2,), (0,), (1,), (0, 1, 2)]),
)
def test_states_are_those_of_a_whole_pass(tiny_llama, same, rest, indices):
    network = loaded(tiny_llama)
    lengths = torch.tensor([max(1, same + r) for r in rest])
    t = int(lengths.max())
    ids = torch.randint(0, 300, (len(rest), t), generator=torch.Generator().manual_seed(same))
    ids[:, :same] = ids[:1, :same]
    mask = (torch.arange(t) < lengths[:, None]).long()

    expected = network._states(ids, mask, indices)
    for found, wanted in zip(network.states(batch_of(ids, mask), indices), expected, strict=True):
        torch.testing.assert_close(found[mask.bool()], wanted[mask.bool()], rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_a_sliding_window_goes_on_after_a_prefix(tmp_path):
    from transformers import MistralConfig, MistralModel

    from embedreg.embed._transformers_attention import use_own_attention

    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    torch.manual_seed(0)
    model = MistralModel(
        MistralConfig(vocab_size=50, num_key_value_heads=2, sliding_window=5, **sizes)
    ).eval()
    model.config.use_cache = False
    use_own_attention(model)
    network = TransformersNetwork(model, 2)
    ids = torch.arange(2 * 40).reshape(2, 40) % 50
    ids[1, :30] = ids[0, :30]

    found = network._prefix.states(batch_of(ids), (2,))

    assert found is not None
    torch.testing.assert_close(found[0], model(ids).last_hidden_state, rtol=1e-4, atol=1e-5)


class Forgetful(torch.nn.Module):
    """A model that takes keys and values and does not read them."""

    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(20, 4)

    def get_input_embeddings(self):
        return self.table

    def forward(self, input_ids, past_key_values=None, output_hidden_states=False, **_):
        from transformers.modeling_outputs import BaseModelOutput

        if past_key_values is not None:
            past_key_values.update(*torch.ones(2, len(input_ids), 1, input_ids.shape[1], 4), 0)
        state = self.table(input_ids).cumsum(dim=1)
        return BaseModelOutput(state, (state, state))


@torch.inference_mode()
def test_a_model_that_does_not_go_on_where_it_was_is_run_whole():
    network = TransformersNetwork(Forgetful(), 1)
    ids = torch.ones(2, 30, dtype=torch.long)
    ids[1, -1] = 3

    assert not network._prefix.works
    torch.testing.assert_close(network.states(batch_of(ids), (1,))[0], network.model.table(ids).cumsum(dim=1))


def test_an_untrained_encoder_in_bfloat16_is_no_decoder(tiny_bert, tmp_path):
    shape = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536}
    config = {"model_type": "bert", "hidden_act": "relu", "vocab_size": 1000, **shape}
    (tmp_path / "config.json").write_text(json.dumps(config))
    shutil.copy(tiny_bert / "tokenizer.json", tmp_path)
    directory = ModelDirectory(tmp_path, with_weights=False)

    network = make_network(directory, torch.bfloat16, torch.device("cpu"), 0)

    with torch.inference_mode():
        assert not network._prefix.works
