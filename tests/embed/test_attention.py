"""Attention by blocks and with keys filled up, held to torch's own."""

from __future__ import annotations

import pytest
import torch
from batches import batch_of
from exact_attention import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from embedreg.embed import _attention
from embedreg.embed._attention import attention, blockwise_attention
from embedreg.embed._load_model import make_network
from embedreg.embed._model_directory import ModelDirectory

CPU = torch.device("cpu")


def tensors(b, heads, shared, t, d, dtype=torch.float32):
    generator = torch.Generator().manual_seed(t)
    shapes = [(b, t, heads * shared, d), (b, t, heads, d), (b, t, heads, d)]
    return [torch.randn(s, generator=generator).to(dtype).transpose(1, 2) for s in shapes]


def bias_of(queries, keys, texts):
    """A bias of scores, for each text if there are several, else for all; None for no texts."""
    if not texts:
        return None
    generator = torch.Generator().manual_seed(1)
    return torch.randn(texts, queries.shape[1], queries.shape[2], keys.shape[2], generator=generator)


@settings(max_examples=100, deadline=None)
@given(
    b=st.integers(1, 4),
    heads=st.integers(1, 3),
    shared=st.integers(1, 3),
    t=st.integers(1, 40),
    before=st.sampled_from([0, 0, 1, 9]),
    scores=st.sampled_from([1, 50, 300, 2000, 2**20]),
    rows=st.sampled_from([1, 7, 16, 128]),
    causal=st.booleans(),
    padded=st.booleans(),
    biased=st.sampled_from(["no", "alike", "each"]),
    scale=st.sampled_from([None, 0.3]),
)
def test_every_shape_of_blocks_gives_what_torch_gives(
    b, heads, shared, t, before, scores, rows, causal, padded, biased, scale
):
    n = before + t
    shared = shared if biased == "no" else 1
    queries, keys, values = tensors(b, heads, shared, n, 8)
    queries = queries[:, :, before:]
    lengths = torch.arange(n, 0, -1).repeat(b)[:b, None]
    seen = (torch.arange(n) < lengths)[:, None, None, :] if padded else None
    bias = bias_of(queries, keys, {"no": 0, "alike": 1, "each": b}[biased])
    given_ = {"seen": seen, "bias": bias, "causal": causal, "scale": scale}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_attention, "_SCORES_AT_ONCE", scores)
        patch.setattr(_attention, "_CAUSAL_ROWS", rows)
        found = blockwise_attention(queries, keys, values, **given_)

    expected = reference(queries, keys, values, **given_).float()
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(attention(queries, keys, values, **given_), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shift", [-1e4, -200.0, -45.0, 0.0, 45.0, 60.0, 200.0, 1e4])
def test_scores_beyond_the_range_of_powers_are_those_of_a_softmax(shift, dtype):
    """A shift of all scores changes nothing, up to their rounding."""
    queries, keys, values = tensors(1, 2, 1, 30, 8)
    values = values * 2.0**30
    queries, keys = (torch.cat([part, torch.ones(1, 2, 30, 8)], dim=3) for part in (queries, keys))
    keys[..., 8:] *= shift / 8
    queries, keys, values = (part.to(dtype) for part in (queries, keys, torch.cat([values, values], dim=3)))

    found = blockwise_attention(queries, keys, values, scale=1.0)

    expected = reference(queries, keys, values, scale=1.0).to(dtype)
    size = torch.finfo(dtype).eps * max(abs(shift), 20.0)
    assert found.isfinite().all()
    torch.testing.assert_close(found, expected, rtol=size, atol=size * 2.0**32)


def test_a_bias_beyond_the_range_of_powers_is_added_once():
    queries, keys, values = tensors(2, 3, 1, 20, 8)
    bias = 500 * bias_of(queries, keys, 1)
    expected = reference(queries, keys, values, bias=bias).float()
    torch.testing.assert_close(
        blockwise_attention(queries, keys, values, bias=bias), expected, rtol=1e-4, atol=1e-4
    )


def test_sums_far_from_one_are_seen_in_any_block(monkeypatch):
    queries, keys, values = tensors(3, 2, 1, 40, 8)
    keys[1] *= 1000
    monkeypatch.setattr(_attention, "_SCORES_AT_ONCE", 100)
    expected = reference(queries, keys, values).float()
    torch.testing.assert_close(blockwise_attention(queries, keys, values), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("blockwise", [False, True])
@pytest.mark.parametrize("filling", [False, True])
def test_bfloat16_is_as_exact_as_its_digits(causal, blockwise, filling, monkeypatch):
    monkeypatch.setattr(_attention, "is_blockwise_faster", lambda _: blockwise)
    monkeypatch.setattr(_attention, "is_filling_faster", lambda _: filling)
    queries, keys, values = tensors(2, 3, 3, 300, 16, torch.bfloat16)

    found = attention(queries, keys, values, causal=causal)

    assert found.dtype == torch.bfloat16
    expected = reference(queries, keys, values, causal=causal).float()
    torch.testing.assert_close(found.float(), expected, rtol=0.02, atol=0.02)


@pytest.mark.parametrize(
    ("capabilities", "dtype", "texts", "t", "way"),
    [
        ({"avx512_bf16": True}, torch.bfloat16, 8, 512, "by blocks"),
        ({"avx512_bf16": True}, torch.bfloat16, 1, 512, "by blocks"),
        ({"avx512_bf16": True}, torch.float32, 8, 32, "by blocks"),
        ({"avx512_bf16": True}, torch.float32, 8, 33, "torch's own"),
        ({"avx512_bf16": True}, torch.float64, 8, 8, "torch's own"),
        ({"avx512_bf16": True, "amx_tile": True}, torch.bfloat16, 8, 512, "with full keys"),
        ({"avx512_bf16": True, "amx_tile": True}, torch.bfloat16, 8, 64, "with full keys"),
        ({"avx512_bf16": True, "amx_tile": True}, torch.bfloat16, 8, 45, "by blocks"),
        ({"avx512_bf16": True, "amx_tile": True}, torch.bfloat16, 7, 45, "with full keys"),
        ({"avx512_bf16": True, "amx_tile": True}, torch.float32, 8, 32, "torch's own"),
        ({}, torch.bfloat16, 8, 512, "torch's own"),
    ],
)
def test_it_is_used_where_it_was_measured_to_be_faster(monkeypatch, capabilities, dtype, texts, t, way):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    queries = torch.ones(texts, 1, t, 1, dtype=dtype)
    assert _attention.is_blockwise_faster(queries) is (way == "by blocks")
    assert _attention.is_filling_faster(queries) is ("amx_tile" in capabilities and dtype == torch.bfloat16)
    assert _attention.is_own_faster(queries) is (way != "torch's own")
    assert not _attention.is_own_faster(queries.to("meta"))


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(1, 40)),
    before=st.sampled_from([0, 0, 1, 9]),
    causal=st.booleans(),
    padded=st.booleans(),
    biased=st.booleans(),
)
def test_full_keys_give_what_torch_gives(shape, before, causal, padded, biased):
    b, heads, shared, t = shape
    n = before + t
    shared = 1 if biased else shared
    queries, keys, values = tensors(b, heads, shared, n, 8)
    seen = (
        (torch.arange(n) < torch.arange(n, 0, -1).repeat(b)[:b, None])[:, None, None, :] if padded else None
    )
    bias = bias_of(queries[:, :, before:], keys, int(biased))
    given_ = {"seen": seen, "bias": bias, "causal": causal}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_attention, "is_blockwise_faster", lambda _: False)
        patch.setattr(_attention, "is_filling_faster", lambda _: True)
        found = attention(queries[:, :, before:], keys, values, **given_)

    expected = reference(queries[:, :, before:], keys, values, **given_).float()
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_no_texts_read_nothing():
    none = torch.zeros(0, 3, 5, 8)
    assert blockwise_attention(none, none, none).shape == (0, 5, 3, 8)


@torch.inference_mode()
def test_a_decoder_with_a_bias_stays_causal(everywhere):
    """T5's, which this package does not run, but promises nothing else of."""
    from transformers import T5Config, T5Model

    from embedreg.embed._transformers_attention import use_own_attention

    model = T5Model(T5Config(vocab_size=50, d_model=32, d_kv=8, num_heads=4, d_ff=64, num_layers=2)).eval()
    ids = torch.arange(40).view(2, 20)
    expected = model(input_ids=ids, decoder_input_ids=ids).last_hidden_state
    use_own_attention(model)
    found = model(input_ids=ids, decoder_input_ids=ids).last_hidden_state
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.fixture(params=["by blocks", "with full keys"])
def everywhere(request, monkeypatch):
    """One of the ways wherever it can be, and a list of the shapes of its queries."""
    from embedreg.embed import _transformers_attention

    shapes = []

    def faster(queries):
        shapes.append(tuple(queries.shape))
        return True

    blocks = request.param == "by blocks"
    monkeypatch.setattr(_attention, "is_blockwise_faster", faster if blocks else lambda _: False)
    monkeypatch.setattr(_attention, "is_filling_faster", (lambda _: False) if blocks else faster)
    monkeypatch.setattr(_transformers_attention, "is_own_faster", faster)
    return shapes


@torch.inference_mode()
@pytest.mark.parametrize("lengths", [(20, 11, 1), (20, 20, 20)])
@pytest.mark.parametrize(
    "model", ["tiny_bert", "tiny_llama", "tiny_gpt2", "tiny_roberta", "tiny_electra", "tiny_t5"]
)
def test_models_give_what_they_give_with_torchs_own_also_beside_padding(model, lengths, request, everywhere):
    directory = ModelDirectory(request.getfixturevalue(model))
    ids = torch.arange(3 * 20).reshape(3, 20) % 200
    mask = (torch.arange(20) < torch.tensor(lengths)[:, None]).long()
    ours = make_network(directory, torch.float32, CPU, None).states(batch_of(ids, mask), (0, 1))
    assert everywhere
    theirs = make_network(directory, torch.float32, CPU, None)
    if hasattr(theirs, "model"):
        theirs.model.set_attn_implementation("sdpa")
        expected = theirs.states(batch_of(ids, mask), (0, 1))
    else:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_attention, "is_blockwise_faster", lambda _: False)
            patch.setattr(_attention, "is_filling_faster", lambda _: False)
            expected = theirs.states(batch_of(ids, mask), (0, 1))

    for state, wanted in zip(ours, expected, strict=True):
        torch.testing.assert_close(state[mask.bool()], wanted[mask.bool()], rtol=1e-5, atol=1e-5)


@torch.inference_mode()
def test_a_sliding_window_is_left_to_torch(tmp_path, everywhere):
    from transformers import MistralConfig, MistralModel

    from embedreg.embed._transformers_attention import use_own_attention

    config = MistralConfig(
        vocab_size=50,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        sliding_window=5,
        attn_implementation="sdpa",
    )
    torch.manual_seed(0)
    model = MistralModel(config).eval()
    ids = torch.arange(2 * 20).reshape(2, 20)
    expected = model(ids).last_hidden_state
    short = model(ids[:, :4]).last_hidden_state

    use_own_attention(model)

    torch.testing.assert_close(model(ids).last_hidden_state, expected)
    assert not everywhere
    torch.testing.assert_close(model(ids[:, :4]).last_hidden_state, short, rtol=1e-5, atol=1e-5)
    assert everywhere


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", ["T5", "MT5"])
def test_layers_of_t5_share_a_bias_that_is_made_once(kind, dtype, monkeypatch):
    import transformers

    from embedreg.embed._transformers_attention import use_own_attention

    shape = {"d_model": 32, "d_ff": 64, "d_kv": 8, "num_heads": 4, "num_layers": 3, "vocab_size": 50}
    config = getattr(transformers, f"{kind}Config")(**shape)
    model = getattr(transformers, f"{kind}EncoderModel")(config).eval().to(dtype)
    if model.config._attn_implementation != "sdpa":
        pytest.skip("this release of transformers computes T5's attention in a way of its own")
    ids, mask = torch.arange(40).view(2, 20), torch.ones(2, 20, dtype=torch.long)
    mask[1, 13:] = 0
    with torch.inference_mode():
        whole, padded = model(ids).last_hidden_state, model(ids, attention_mask=mask).last_hidden_state
    monkeypatch.setattr(_attention, "is_filling_faster", lambda _: False)  # which sums in another order
    made = []
    where = torch.where
    monkeypatch.setattr(torch, "where", lambda seen, *others: made.append(seen.shape) or where(seen, *others))

    use_own_attention(model)

    assert model.config._attn_implementation == "embedreg"
    with torch.inference_mode():
        assert torch.equal(model(ids).last_hidden_state, whole)
        made.clear()
        found = model(ids, attention_mask=mask).last_hidden_state
    assert torch.equal(found[mask.bool()], padded[mask.bool()])
    assert made.count((2, 1, 20, 20)) == 1, "for three layers"
