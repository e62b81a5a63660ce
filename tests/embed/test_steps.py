"""Compiled steps between a layer's products, held to what torch computes in float64; and what is done without them."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
import transformers
from bfloat16 import ROUNDING, assert_near, assert_the_same_by_a_team, numbers
from compilers import where_gcc_is
from exact_attention import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import SIZES
from torch.nn import functional

from embedreg.embed import TransformerEmbedder, _steps, embed_texts, pull
from embedreg.embed._distance_bias import DistanceBias
from embedreg.embed._layer_end import layer_ends_work
from embedreg.embed._steps import (
    add_norm,
    gelu,
    gelu_,
    rms_norm,
    rotated,
    steps_suit,
    steps_work,
    tile_attention,
    tiles_suit,
    tiles_work,
)
from embedreg.embed._tile_gate import tile_gates_work

pytestmark = pytest.mark.usefixtures("one_thread")
compiled = pytest.mark.skipif(not steps_work(), reason="no compiled steps for this processor, or no compiler")
tiled = pytest.mark.skipif(not tiles_work(), reason="no AMX, or no compiler")


@where_gcc_is
def test_steps_were_compiled_where_a_compiler_is():
    assert _steps._kernels is not None


@compiled
@settings(max_examples=30, deadline=None)
@given(
    rows=st.integers(1, 40), d=st.sampled_from([32, 64, 384, 4096]), size=st.sampled_from([1e-3, 1.0, 1e4])
)
def test_norms(rows, d, size):
    added, to, weight, bias = (
        numbers(rows, d, size=size),
        numbers(rows, d, seed=1),
        numbers(d),
        numbers(d, seed=2),
    )
    whole = added.double() + to.double()
    wanted = functional.layer_norm(whole, (d,), weight.double(), bias.double(), 1e-12)
    assert_near(
        rms_norm(added, weight, 1e-6), functional.rms_norm(added.double(), (d,), weight.double(), 1e-6)
    )
    found = add_norm(added, to, (weight, bias), 1e-12)
    assert found.data_ptr() == added.data_ptr()
    assert_near(found, wanted)


@compiled
@pytest.mark.parametrize("by_tanh", [False, True])
def test_gelu_of_every_number_of_bfloat16(by_tanh):
    """All 65,536 of them; the error is that of rounding, and .00001."""
    every = torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16).view(torch.bfloat16)[:, None]
    every = every.expand(-1, 32).contiguous()
    found = gelu(every, by_tanh=by_tanh)[:, 0].double()
    wanted = functional.gelu(every[:, 0].double(), approximate="tanh" if by_tanh else "none")
    real = every[:, 0].isfinite()
    least = torch.finfo(torch.bfloat16).tiny  # denormal numbers are zero in processors' fast modes
    error = (found - wanted)[real].abs()
    assert bool((error <= 1e-5 + ROUNDING / 2 * wanted[real].abs() + least).all())
    assert bool(found[every[:, 0].isnan()].isnan().all())
    assert float(found[every[:, 0] == math.inf]) == math.inf


@compiled
def test_gelu_in_place_and_of_any_count():
    odd = numbers(3, 37, size=4)
    assert_near(gelu(odd), functional.gelu(odd.double()))
    given_ = numbers(3, 32, size=4)
    kept = given_.clone()
    whole = torch.cat([given_.flatten(), torch.ones(32, dtype=torch.bfloat16)])
    assert gelu_(whole[:96].view(3, 32)).data_ptr() == whole.data_ptr()
    assert_near(whole[:96], functional.gelu(kept.double()).flatten())
    assert bool((whole[96:] == 1).all())  # nothing beyond was written


@compiled
@pytest.mark.parametrize("shape", [(1, 3, 7, 64), (2, 2, 5, 32), (3, 1, 1, 128)])
@pytest.mark.parametrize("alike", [True, False])
def test_rotations(shape, alike):
    b, _, t, d = shape
    heads = numbers(*shape)
    angles = numbers(1 if alike else b, 1, t, d, seed=1).float()
    cos, sin = angles.cos().to(torch.bfloat16), angles.sin().to(torch.bfloat16)
    first, second = heads.double().chunk(2, dim=-1)
    wanted = heads.double() * cos.double() + torch.cat([-second, first], dim=-1) * sin.double()
    assert_near(rotated(heads, cos, sin), wanted)
    by_token = heads.transpose(1, 2).contiguous().transpose(1, 2)  # as transformers lays heads
    assert torch.equal(rotated(by_token, cos, sin), rotated(heads, cos, sin))


@tiled
@settings(max_examples=80, deadline=None)
@given(
    b=st.integers(1, 3),
    shared=st.integers(1, 3),
    group=st.integers(1, 3),
    t=st.integers(1, 70),
    before=st.sampled_from([0, 0, 1, 37]),
    d=st.sampled_from([32, 64, 96]),
    causal=st.booleans(),
    by_token=st.booleans(),
    size=st.sampled_from([0.5, 2, 30]),
    scale=st.sampled_from([None, 0.3]),
)
def test_attention_of_texts_of_one_length(b, shared, group, t, before, d, causal, by_token, size, scale):
    """Of every layout and size of scores: those of 30 are thousands of powers of two apart."""
    n = before + t
    shapes = [(b, shared * group, t, d), (b, shared, n, d), (b, shared, n, d)]
    parts = [
        numbers(*shape, seed=i, size=s)
        for i, (shape, s) in enumerate(zip(shapes, (size, size, 1), strict=True))
    ]
    if by_token:
        parts = [part.transpose(1, 2).contiguous().transpose(1, 2) for part in parts]
    assert tiles_suit(*parts)
    assert_near(
        tile_attention(*parts, causal=causal, scale=scale), reference(*parts, causal=causal, scale=scale)
    )


@tiled
@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 90), min_size=1, max_size=6),
    causal=st.booleans(),
    has_bias=st.booleans(),
    size=st.sampled_from([1, 20]),
)
def test_attention_of_texts_one_after_the_other(lengths, causal, has_bias, size):
    heads, d, total = 2, 32, sum(lengths)
    mixed = numbers(total, 3, heads, d, size=1)
    mixed[:, :2] *= size
    parts = [part[None] for part in mixed.permute(1, 2, 0, 3)]  # as one product gives them
    bias = DistanceBias(numbers(32, heads, size=2 * size)) if has_bias else None
    found = tile_attention(*parts, causal=causal, lengths=np.array(lengths), bias=bias)
    texts = zip(*(part.split(lengths, dim=2) for part in parts), strict=True)
    alone = [
        reference(*text, causal=causal, bias=None if bias is None else bias.between(text[0].shape[2]))
        for text in texts
    ]
    assert_near(found, torch.cat(alone, dim=1), roundings=3)


@tiled
@pytest.mark.parametrize("lengths", [[150], [40, 1, 33]])
def test_attention_by_threads_of_a_team_is_the_same(lengths):
    queries, keys, values = (
        numbers(heads * sum(lengths), 32, seed=heads).view(1, heads, -1, 32) for heads in (6, 3, 3)
    )
    asked = {"causal": True, "lengths": np.array(lengths)}
    assert_the_same_by_a_team(lambda: tile_attention(queries, keys, values, **asked))
    queries[0, 4, -1, 3] = torch.nan
    assert tile_attention(queries, keys, values, **asked) is None


@tiled
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_scores_that_are_no_numbers_are_left_to_torch(bad):
    parts = [numbers(1, 2, 40, 32, seed=i) for i in range(3)]
    parts[1][0, 1, 17, 3] = bad
    assert tile_attention(*parts, causal=False) is None


@tiled
def test_a_key_that_outweighs_all_others_is_read_alone():
    """Powers without their maximum would lose the others, and overflow."""
    queries, keys, values = (numbers(1, 1, 50, 32, seed=i) for i in range(3))
    queries[:] = 8.0
    keys[0, 0, 7] = 60.0
    found = tile_attention(queries, keys, values, causal=False)
    assert torch.equal(found[0, :, 0], values[0, 0, 7].expand(50, -1))


@compiled
def test_what_would_be_read_beyond_its_end_is_refused():
    weight = numbers(64)
    for call in (
        lambda: add_norm(numbers(2, 64), numbers(1, 64), (weight, weight), 1e-6),
        lambda: add_norm(numbers(2, 64).float(), numbers(2, 64).float(), (weight, weight), 1e-6),
        lambda: rms_norm(numbers(2, 64), numbers(32), 1e-6),
        lambda: rms_norm(numbers(2, 33), numbers(33), 1e-6),
        lambda: rotated(numbers(2, 3, 4, 32), numbers(3, 1, 4, 32), numbers(3, 1, 4, 32)),
        lambda: gelu(numbers(2, 64).t()),
        lambda: tile_attention(
            *(numbers(1, 2, 8, 32) for _ in range(3)), causal=False, lengths=np.array([9])
        ),
        lambda: tile_attention(numbers(1, 2, 9, 32), *(numbers(1, 2, 8, 32) for _ in range(2)), causal=False),
        lambda: tile_attention(numbers(1, 3, 8, 32), *(numbers(1, 2, 8, 32) for _ in range(2)), causal=False),
    ):
        with pytest.raises(ValueError, match="compiled steps do not take"):
            call()


def test_threads_that_share_a_batch_do_without():
    states = numbers(4, 64)
    heads = [numbers(1, 1, 4, 64)] * 3
    assert steps_suit(states) == steps_work()
    assert tiles_suit(*heads) == tiles_work()
    torch.set_num_threads(3)
    assert not steps_suit(states)
    assert not tiles_suit(*heads)


def test_other_precisions_and_widths_do_without():
    assert not steps_suit(numbers(4, 64).float())
    assert not steps_suit(numbers(4, 40))
    assert not tiles_suit(*[numbers(1, 1, 4, 40)] * 3)
    assert not tiles_suit(*[numbers(1, 1, 4, 32).float()] * 3)


@pytest.fixture
def no_kernels(monkeypatch):
    """As if nothing had been compiled."""

    def forget():
        for works in (steps_work, tiles_work, layer_ends_work, tile_gates_work):
            works.cache_clear()

    monkeypatch.setattr(_steps, "_kernels", None)
    forget()
    yield
    forget()


def test_vectors_are_the_same_without_a_compiler(request):
    path = pull("minilm", quiet=True)
    texts = ["adam " * (1 + i % 60) + str(i) for i in range(40)]

    def embedded():
        return torch.from_numpy(
            embed_texts(TransformerEmbedder(path, device="cpu", dtype="bfloat16"), texts, progress=False)
        )

    with_them = embedded()
    request.getfixturevalue("no_kernels")
    assert not steps_work()
    assert not tiles_work()
    assert torch.cosine_similarity(with_them, embedded()).min() > 0.9998


def test_a_model_whose_layers_widen_to_an_odd_number(tmp_path, tiny_bert):
    config = transformers.BertConfig(**SIZES | {"intermediate_size": 50}, vocab_size=300)
    transformers.BertModel(config).save_pretrained(tmp_path)
    shutil.copyfile(tiny_bert / "tokenizer.json", tmp_path / "tokenizer.json")
    exact, quick = (
        torch.from_numpy(
            embed_texts(
                TransformerEmbedder(tmp_path, device="cpu", dtype=dtype), ["adam", "lr lr"], progress=False
            )
        )
        for dtype in ("float32", "bfloat16")
    )
    assert torch.cosine_similarity(exact, quick).min() > 0.999


def test_a_package_without_them_is_imported(tmp_path):
    script = """
import sys
sys.modules["embedreg.embed._kernels"] = None
from embedreg.embed import _steps
print(_steps.steps_work(), _steps.tiles_work())
"""
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert told.stdout.split() == ["False", "False"]


def test_a_bias_in_powers_of_two_is_the_one_between():
    bias = DistanceBias(numbers(32, 3).float())
    table, middle, most = bias.powers(40)
    between = bias.between(40)[0]
    for query, key in ((0, 0), (0, 39), (39, 0), (12, 30)):
        assert torch.allclose(table[:, middle + key - query], between[:, query, key] * math.log2(math.e))
    assert most == pytest.approx(float(between.abs().max()) * math.log2(math.e))
    assert bias.between(40) is bias.between(40)
