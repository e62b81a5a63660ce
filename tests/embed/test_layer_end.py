"""What follows attention in a layer of BERT's families, by compiled code, held to what torch computes in float64."""

from __future__ import annotations

import functools

import pytest
import torch
from bfloat16 import assert_near, assert_the_same_by_a_team, numbers
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from embedreg.core.products import linear_map
from embedreg.embed import _layer_end
from embedreg.embed._layer_end import EndByTiles, EndByTorch, EndWeights, layer_end, layer_ends_work
from embedreg.embed._steps import finish_layer
from embedreg.embed._tile_weights import from_tiles, in_tiles

pytestmark = pytest.mark.usefixtures("one_thread")
EPSILON = 1e-12
tiled = pytest.mark.skipif(not layer_ends_work(), reason="no AMX, or no compiler")


def weights(width=64, d=64, wide=96, seed=0):
    def pair(outputs, *inputs):
        weight = numbers(outputs, *inputs, seed=seed, size=inputs[0] ** -0.5 if inputs else 1.0)
        return weight, numbers(outputs, seed=seed + 1)

    return EndWeights(pair(d, width), pair(d), pair(wide, d), pair(d, wide), pair(d))


def plain_map(weight, bias):
    return functools.partial(functional.linear, weight=weight, bias=bias)


def reference(read, to, made, epsilon=EPSILON):
    """In float64."""
    output, output_norm, widening, narrowing, norm = (tuple(part.double() for part in pair) for pair in made)
    d = to.shape[-1:]
    hidden = functional.layer_norm(
        functional.linear(read.double(), *output) + to.double(), d, *output_norm, epsilon
    )
    wide = functional.gelu(functional.linear(hidden, *widening))
    return functional.layer_norm(functional.linear(wide, *narrowing) + hidden, d, *norm, epsilon)


@given(
    outputs=st.integers(1, 5).map(lambda n: 32 * n),
    inputs=st.integers(1, 5).map(lambda n: 32 * n),
    seed=st.integers(0, 9),
)
def test_weights_come_back_from_tiles(outputs, inputs, seed):
    weight = numbers(outputs, inputs, seed=seed)
    tiles = in_tiles(weight)
    assert tiles.is_contiguous()
    assert torch.equal(from_tiles(tiles), weight)


def test_a_tile_has_pairs_of_inputs_of_16_outputs():
    weight = torch.arange(64 * 96).view(64, 96)
    tiles = in_tiles(weight)
    assert tiles[1, 2, 1, 3, 5].tolist() == [weight[32 + 16 + 5, 64 + 6], weight[32 + 16 + 5, 64 + 7]]


@tiled
@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 70),
    width=st.sampled_from([32, 64, 96]),
    d=st.sampled_from([32, 64, 384]),
    wide=st.sampled_from([32, 128, 1536]),
    seed=st.integers(0, 9),
)
def test_ends_of_layers(rows, width, d, wide, seed):
    made = weights(width, d, wide, seed)
    read, to = numbers(rows, width, seed=seed), numbers(rows, d, seed=seed + 5)
    wanted = reference(read, to, made)
    before = to.clone()
    assert_near(EndByTiles(made, EPSILON).by_tiles(read, to), wanted, roundings=4)
    assert torch.equal(to, before), "the layer's input may be asked for"


@tiled
@pytest.mark.parametrize(
    ("rows", "d", "wide"), [(700, 384, 1536), (200, 768, 3072), (150, 1024, 4096), (33, 64, 30_016)]
)
def test_more_rows_and_inputs_than_are_taken_at_once(rows, d, wide):
    made = weights(d, d, wide)
    read, to = numbers(rows, d, seed=7), numbers(rows, d, seed=8)
    wanted = reference(read, to, made)
    assert_near(EndByTiles(made, EPSILON).by_tiles(read, to), wanted, roundings=4)


@tiled
@pytest.mark.parametrize("rows", [3, 300])
def test_threads_of_a_team_give_the_same(rows):
    made = EndByTiles(weights(96, 64, 1536), EPSILON)
    read, to = numbers(rows, 96, seed=1), numbers(rows, 64, seed=2)
    assert_the_same_by_a_team(lambda: made.by_tiles(read.clone(), to))


@tiled
def test_a_rows_output_does_not_hang_on_the_others():
    made = EndByTiles(weights(), EPSILON)
    read, to = numbers(50, 64, seed=1), numbers(50, 64, seed=2)
    together = made.by_tiles(read.clone(), to)
    for i in (0, 31, 32, 49):
        assert torch.equal(made.by_tiles(read[i : i + 1].clone(), to[i : i + 1])[0], together[i])


@tiled
def test_rows_that_are_no_numbers_stay_alone():
    made = EndByTiles(weights(), EPSILON)
    read, to = numbers(40, 64, seed=1), numbers(40, 64, seed=2)
    wanted = made.by_tiles(read.clone(), to)
    read[5, 3] = torch.nan
    found = made.by_tiles(read, to)
    assert found[5].isnan().all()
    others = torch.arange(40) != 5
    assert torch.equal(found[others], wanted[others])


@tiled
def test_threads_that_share_a_batch_go_by_torch(monkeypatch):
    made = layer_end(weights(), EPSILON, linear_map)
    read, to = numbers(40, 64, seed=1), numbers(40, 64, seed=2)
    wanted = reference(read, to, weights())
    monkeypatch.setattr(_layer_end, "finish_layer", lambda *_: pytest.fail("by compiled code"))
    torch.set_num_threads(3)
    with torch.inference_mode():
        assert_near(made(read, to), wanted, roundings=4)


@tiled
def test_by_compiled_code_where_it_suits():
    assert isinstance(layer_end(weights(), EPSILON, linear_map), EndByTiles)
    assert isinstance(layer_end(weights(), EPSILON, plain_map), EndByTorch)
    assert isinstance(layer_end(weights(wide=50), EPSILON, linear_map), EndByTorch)
    in_float32 = EndWeights(*((weight.float(), bias.float()) for weight, bias in weights()))
    assert isinstance(layer_end(in_float32, EPSILON, linear_map), EndByTorch)


def test_by_torch_elsewhere(monkeypatch):
    monkeypatch.setattr(_layer_end, "layer_ends_work", lambda: False)
    made = layer_end(weights(), EPSILON, linear_map)
    assert isinstance(made, EndByTorch)
    read, to = numbers(20, 64, seed=1), numbers(20, 64, seed=2)
    wanted = reference(read, to, weights())
    with torch.inference_mode():
        assert_near(made(read, to), wanted, roundings=4)


@tiled
def test_what_would_be_read_beyond_its_end_is_refused():
    made = EndByTiles(weights(), EPSILON)
    tiles, vectors = made._tiles, made._vectors
    for call in (
        lambda: made.by_tiles(numbers(4, 64), numbers(3, 64)),
        lambda: made.by_tiles(numbers(4, 32), numbers(4, 64)),
        lambda: made.by_tiles(numbers(4, 64).float(), numbers(4, 64)),
        lambda: made.by_tiles(numbers(64, 4).t(), numbers(4, 64)),
        lambda: finish_layer(numbers(4, 64), numbers(4, 64), tiles, vectors[:-1], EPSILON),
        lambda: finish_layer(numbers(4, 64), numbers(4, 64), tiles, vectors.double(), EPSILON),
        lambda: finish_layer(numbers(4, 64), numbers(4, 64), tiles[:2] + tiles[:1], vectors, EPSILON),
    ):
        with pytest.raises(ValueError, match="compiled steps do not take"):
            call()
