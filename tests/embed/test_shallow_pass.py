"""Forward passes that end early, held to whole ones."""

from __future__ import annotations

import pytest
import torch
from batches import batch_of

from embedreg.embed._load_model import make_network
from embedreg.embed._loading import TransformersNetwork
from embedreg.embed._model_directory import ModelDirectory


@pytest.fixture
def network(request):
    directory = ModelDirectory(request.getfixturevalue(request.param))
    return make_network(directory, torch.float32, torch.device("cpu"), None)


@torch.inference_mode()
@pytest.mark.parametrize("network", ["tiny_llama", "tiny_gpt2", "tiny_electra", "tiny_t5"], indirect=True)
def test_states_are_those_of_a_whole_pass_and_later_layers_are_not_run(network):
    ids = torch.arange(2 * 12).reshape(2, 12) + 2
    mask = (torch.arange(12) < torch.tensor([[12], [5]])).long()
    expected = network.model(ids, attention_mask=mask, output_hidden_states=True).hidden_states
    indices = range(network.layers)
    ran = []
    network._shallow._blocks[-1].register_forward_hook(lambda *_: ran.append(True))
    assert network._shallow.works
    ran.clear()

    found = network.states(batch_of(ids, mask), indices)

    assert not ran
    for state, wanted in zip(found, expected, strict=False):
        torch.testing.assert_close(state[mask.bool()], wanted[mask.bool()], rtol=1e-5, atol=1e-6)
    last = network.states(batch_of(ids, mask), (network.layers,))[0]
    torch.testing.assert_close(last[mask.bool()], expected[-1][mask.bool()], rtol=1e-5, atol=1e-6)
    assert ran


class Odd(torch.nn.Module):
    """Layers that read something else than the hidden states that the model tells."""

    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(9, 4)
        self.layers = torch.nn.ModuleList([torch.nn.Identity(), torch.nn.Identity()])

    def get_input_embeddings(self):
        return self.table

    def forward(self, input_ids, **_):
        from transformers.modeling_outputs import BaseModelOutput

        state = self.table(input_ids)
        for layer in self.layers:
            layer(state + 1)
        return BaseModelOutput(state, (state, state, state))


@torch.inference_mode()
def test_a_model_whose_layers_read_something_else_is_run_whole():
    network = TransformersNetwork(Odd(), 2)
    ids = torch.tensor([[1, 2]])

    assert not network._shallow.works
    torch.testing.assert_close(network.states(batch_of(ids), (1,))[0], network.model.table(ids))


@torch.inference_mode()
def test_a_model_without_a_list_of_layers_is_run_whole():
    network = TransformersNetwork(Odd(), 3)

    assert not network._shallow.works
