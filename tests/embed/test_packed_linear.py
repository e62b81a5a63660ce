"""Models whose linear layers have their weights in the layout of the processor's kernels."""

from __future__ import annotations

import platform
import shutil

import numpy as np
import pytest
import torch
from batches import batch_of

from embedreg.core.products import gates, packs
from embedreg.embed import TransformerEmbedder, _load_model, _packed_linear
from embedreg.embed._load_model import make_network
from embedreg.embed._model_directory import ModelDirectory
from embedreg.embed._packed_linear import use_packed

pytestmark = pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="no x86 processor")
CPU = torch.device("cpu")
TOKENS = torch.tensor([[5, 6, 7, 8, 9], [10, 11, 0, 0, 0]])
REAL = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]])


@pytest.fixture(autouse=True)
def _without_amx(monkeypatch):
    """A processor on which float32 is packed too."""
    packs.cache_clear()
    gates.cache_clear()
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict, raising=False)
    yield
    packs.cache_clear()
    gates.cache_clear()


def states(network, layers):
    with torch.inference_mode():
        batch = batch_of(TOKENS, REAL)
        [found] = network.states(batch, (layers,))
        return found[batch.mask.bool()]


@pytest.mark.parametrize("model", ["tiny_llama", "tiny_t5", "tiny_electra"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_states_are_those_of_plain_products(model, dtype, request, monkeypatch):
    directory = ModelDirectory(request.getfixturevalue(model))
    network = make_network(directory, dtype, CPU, seed=None)
    layers = [part for part in network.model.modules() if type(part) is torch.nn.Linear]
    assert layers
    assert all(layer.weight.is_mkldnn or layer.weight.dim() == 6 for layer in layers)  # or in tiles

    monkeypatch.setattr(_packed_linear, "packs", lambda _: False)
    plain = make_network(directory, dtype, CPU, seed=None)

    tolerance = 16 * torch.finfo(dtype).eps
    torch.testing.assert_close(
        states(network, directory.layers), states(plain, directory.layers), rtol=tolerance, atol=tolerance
    )


def test_the_default_models_encoder_too(tiny_bert, monkeypatch):
    directory = ModelDirectory(tiny_bert)
    used = []
    monkeypatch.setattr(
        _load_model, "linear_map", lambda *given, real=_load_model.linear_map: used.append(1) or real(*given)
    )
    make_network(directory, torch.float32, CPU, seed=None)
    assert len(used) == 4 * directory.layers


class Model(torch.nn.Module):
    """One linear layer over a vocabulary, by its own function or by its weights."""

    def __init__(self, by_weights=False, noise=0.0):
        super().__init__()
        self.vocabulary = torch.nn.Embedding(50, 16)
        self.layer = torch.nn.Linear(16, 16)
        self.by_weights, self.noise = by_weights, noise

    def get_input_embeddings(self):
        return self.vocabulary

    def forward(self, input_ids):
        given = self.vocabulary(input_ids)
        if self.by_weights:
            found = given @ self.layer.weight.T + self.layer.bias
        else:
            found = self.layer(given) + (self.noise if self.layer.weight.is_mkldnn else 0)
        return type("Output", (), {"last_hidden_state": found})


@pytest.mark.parametrize(("settings", "changed"), [({}, 1), ({"by_weights": True}, 0), ({"noise": 5.0}, 0)])
def test_a_model_that_gives_something_else_stays_as_it_was(settings, changed):
    model = Model(**settings)
    weight, ids = model.layer.weight.detach().clone(), torch.arange(6)[None]
    with torch.inference_mode():
        expected = model(ids).last_hidden_state

        assert use_packed(model) == changed

        assert model.layer.weight.is_mkldnn == bool(changed)
        if not changed:
            assert torch.equal(model.layer.weight, weight)
            assert torch.equal(model(ids).last_hidden_state, expected)


class Tied(Model):
    """Two layers with the same weights."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.other = torch.nn.Linear(16, 16)
        self.other.weight = self.layer.weight


@pytest.mark.parametrize(("settings", "changed"), [({}, 2), ({"noise": 5.0}, 0)])
def test_weights_that_layers_share_they_share_afterwards(settings, changed):
    model = Tied(**settings)
    assert use_packed(model) == changed
    assert model.other.weight is model.layer.weight


class Perceptron(torch.nn.Module):
    """Of the form of Llama's, times a factor."""

    def __init__(self, act_fn, factor):
        super().__init__()
        self.gate_proj, self.up_proj, self.down_proj = (torch.nn.Linear(16, 16) for _ in range(3))
        self.act_fn, self.factor = act_fn, factor

    def forward(self, states):
        return self.down_proj(self.act_fn(self.gate_proj(states)) * self.up_proj(states)) * self.factor


class Gated(Model):
    """A layer, and a perceptron after it."""

    def __init__(self, act_fn, factor=1.0, **settings):
        super().__init__(**settings)
        self.mlp = Perceptron(act_fn, factor)

    def forward(self, input_ids):
        output = super().forward(input_ids)
        output.last_hidden_state = self.mlp(output.last_hidden_state)
        return output


@pytest.mark.parametrize(
    ("settings", "layers", "gated"),
    [
        ({"act_fn": torch.nn.SiLU()}, 4, True),
        ({"act_fn": torch.nn.GELU()}, 4, False),
        ({"act_fn": torch.nn.SiLU(), "factor": 100.0}, 0, False),
    ],
    ids=["as Llama's", "another activation", "something besides"],
)
def test_a_gate_is_within_the_products_where_it_is_that_of_llama(settings, layers, gated):
    torch.manual_seed(0)
    model, ids = Gated(**settings), torch.arange(6)[None]
    with torch.inference_mode():
        expected = model(ids).last_hidden_state

        assert use_packed(model) == layers

        torch.testing.assert_close(model(ids).last_hidden_state, expected, rtol=1e-4, atol=1e-5)
    assert ("forward" in vars(model.mlp)) == gated


@pytest.mark.parametrize("positions", [5, 16])
def test_a_model_of_few_positions_can_be_used(positions, tiny_electra, tmp_path):
    from transformers import ElectraConfig, ElectraModel

    shutil.copytree(tiny_electra, tmp_path / "model")
    config = ElectraConfig.from_pretrained(tiny_electra, max_position_embeddings=positions)
    ElectraModel(config).save_pretrained(tmp_path / "model")
    embedder = TransformerEmbedder(tmp_path / "model", dtype="float32", pooling="mean")
    [(_, vectors)] = embedder.embed_batches(["a"])
    assert np.isfinite(vectors).all()


def test_what_somebody_else_has_changed_is_left_alone():
    model = Model()
    model.layer.forward = lambda given: given
    assert use_packed(model) == 0
