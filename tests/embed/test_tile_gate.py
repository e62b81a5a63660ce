"""Perceptrons with a gate by compiled code, held to what torch computes in float64; and models of transformers that have them."""

from __future__ import annotations

import pytest
import torch
import transformers
from bfloat16 import assert_near, assert_the_same_by_a_team, numbers
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import SIZES
from torch.nn import functional

from embedreg.embed import _tile_gate
from embedreg.embed._packed_linear import use_packed
from embedreg.embed._steps import gated
from embedreg.embed._tile_gate import TiledGate, may_tile, tile_gates_work

pytestmark = pytest.mark.usefixtures("one_thread")
tiled = pytest.mark.skipif(not tile_gates_work(), reason="no AMX, or no compiler")


def linear(outputs, inputs, seed, **settings):
    layer = torch.nn.Linear(inputs, outputs, **{"bias": False} | settings, dtype=torch.bfloat16)
    layer.weight = torch.nn.Parameter(numbers(outputs, inputs, seed=seed, size=inputs**-0.5))
    return layer


def layers(d=64, wide=96, size=1.0):
    gate, up, down = linear(wide, d, 1), linear(wide, d, 2), linear(d, wide, 3)
    gate.weight.data.mul_(size)
    return gate, up, down


def reference(states, gate, up, down):
    """In float64."""
    wide = functional.silu(functional.linear(states.double(), gate.weight.double()))
    return functional.linear(
        wide * functional.linear(states.double(), up.weight.double()), down.weight.double()
    )


@tiled
@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 70),
    d=st.sampled_from([32, 64, 576]),
    wide=st.sampled_from([32, 96, 1536]),
    size=st.sampled_from([1e-3, 1.0, 100.0]),
)
def test_perceptrons_with_a_gate(rows, d, wide, size):
    made = layers(d, wide, size)
    states = numbers(rows, d, seed=5)
    wanted = reference(states, *made)
    before = states.clone()
    with torch.inference_mode():
        assert_near(TiledGate(*made).by_tiles(states), wanted, roundings=4)
    assert torch.equal(states, before)


@tiled
@pytest.mark.parametrize(("rows", "d", "wide"), [(700, 64, 1536), (150, 64, 4864), (2, 2048, 32)])
def test_more_rows_and_inputs_than_are_taken_at_once(rows, d, wide):
    made = layers(d, wide)
    states = numbers(1, rows, d, seed=5)
    wanted = reference(states, *made)
    with torch.inference_mode():
        assert_near(TiledGate(*made).by_tiles(states), wanted, roundings=4)


@tiled
@pytest.mark.parametrize("rows", [3, 300])
def test_threads_of_a_team_give_the_same(rows):
    made = TiledGate(*layers(d=96, wide=1536))
    states = numbers(rows, 96, seed=5)
    with torch.inference_mode():
        assert_the_same_by_a_team(lambda: made.by_tiles(states))


@tiled
def test_layers_get_their_weights_back():
    made = layers()
    before = [layer.weight.clone() for layer in made]
    tiles = TiledGate(*made)
    assert all(layer.weight.dim() == 6 for layer in made)
    tiles.restore()
    assert all(torch.equal(layer.weight, weight) for layer, weight in zip(made, before, strict=True))


@tiled
def test_threads_that_share_a_batch_go_by_torch(monkeypatch):
    made = layers()
    states = numbers(2, 20, 64, seed=5)
    wanted = reference(states, *made)
    tiles = TiledGate(*made)
    monkeypatch.setattr(_tile_gate, "gated", lambda *_: pytest.fail("by compiled code"))
    torch.set_num_threads(3)
    with torch.inference_mode():
        assert_near(tiles(states), wanted, roundings=4)


@tiled
def test_what_it_takes():
    assert may_tile(*layers())
    assert not may_tile(*layers(wide=50))
    assert not may_tile(*(layer.float() for layer in layers()))
    gate, up, _ = layers()
    assert not may_tile(gate, up, linear(64, 96, 3, bias=True))


@tiled
def test_what_would_be_read_beyond_its_end_is_refused():
    tiles = TiledGate(*layers())
    for call in (
        lambda: tiles.by_tiles(numbers(4, 32)),
        lambda: tiles.by_tiles(numbers(4, 64).float()),
        lambda: gated(numbers(64, 4).t(), tiles._widening, tiles._narrowing),
        lambda: gated(numbers(4, 64), tiles._widening[:1], tiles._narrowing),
    ):
        with pytest.raises(ValueError, match="compiled steps do not take"):
            call()


def llama(**changes):
    torch.manual_seed(0)
    sizes = SIZES | {"num_key_value_heads": 2} | changes
    return (
        transformers.LlamaModel(transformers.LlamaConfig(**sizes, vocab_size=100)).to(torch.bfloat16).eval()
    )


@tiled
@pytest.mark.parametrize(
    ("changes", "is_tiled"), [({}, True), ({"mlp_bias": True}, False), ({"intermediate_size": 50}, False)]
)
def test_models_of_transformers(changes, is_tiled):
    model = llama(**changes)
    ids = torch.arange(3, 40)[None]
    with torch.inference_mode():
        wanted = model(ids).last_hidden_state
        assert use_packed(model)
        gates = [
            isinstance(part.forward, TiledGate) for part in model.modules() if hasattr(part, "gate_proj")
        ]
        assert gates == [is_tiled] * len(gates)
        assert gates
        assert (
            torch.cosine_similarity(model(ids).last_hidden_state.float(), wanted.float(), dim=-1).min()
            > 0.999
        )


@tiled
def test_perceptrons_that_share_their_weights_are_left_to_torch():
    model = llama()
    first, second = (layer.mlp for layer in model.layers[:2])
    second.up_proj.weight = first.up_proj.weight
    assert use_packed(model)
    assert not isinstance(first.forward, TiledGate)
    assert first.up_proj.weight is second.up_proj.weight
