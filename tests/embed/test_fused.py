"""Parts of transformers' models in fewer kernels: the same numbers, nothing replaced that means something else."""

from __future__ import annotations

import contextlib

import pytest
import torch
from transformers import (
    GemmaConfig,
    GemmaModel,
    GPTNeoXConfig,
    GPTNeoXModel,
    LlamaConfig,
    LlamaModel,
    Mamba2Config,
    Mamba2Model,
    Phi3Config,
    Phi3Model,
    Qwen3Config,
    Qwen3Model,
    T5Config,
    T5EncoderModel,
)
from transformers.models.llama import modeling_llama

from embedreg.embed import _fused
from embedreg.embed._fused import use_fused, use_half_precision, use_tensor_float32
from embedreg.embed._load_model import make_network
from embedreg.embed._model_directory import ModelDirectory

SIZES = {
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "head_dim": 16, "vocab_size": 100,
}  # fmt: skip


def llama():
    return LlamaModel(LlamaConfig(**SIZES))


def qwen():
    return Qwen3Model(Qwen3Config(**SIZES))


def gemma():
    return GemmaModel(GemmaConfig(**SIZES))


def gpt_neox():
    """Rotates a quarter of each head."""
    sizes = {k: v for k, v in SIZES.items() if k not in ("head_dim", "num_key_value_heads")}
    return GPTNeoXModel(GPTNeoXConfig(**sizes, rotary_pct=0.25))


def phi3():
    """Rotates half of each head, in a function that takes any width."""
    return Phi3Model(Phi3Config(**SIZES, partial_rotary_factor=0.5, pad_token_id=0))


def mamba2():
    """Its norms have a gate."""
    sizes = {
        "hidden_size": 32,
        "num_heads": 4,
        "head_dim": 16,
        "state_size": 8,
        "n_groups": 1,
        "num_hidden_layers": 2,
    }
    return Mamba2Model(Mamba2Config(vocab_size=100, **sizes))


def t5():
    config = T5Config(
        d_model=64,
        d_ff=96,
        d_kv=16,
        num_layers=2,
        num_heads=4,
        vocab_size=100,
        feed_forward_proj="gated-gelu",
    )
    return T5EncoderModel(config)


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (gpt_neox, 2),
        (phi3, 2 * 2 + 1 + 2),
        (llama, 2 * 2 + 1 + 2),
        (qwen, 2 * 4 + 1 + 2),
        (gemma, 2 + 2),
        (t5, 2 * 2 + 1 + 2),
    ],
    ids=[
        "part of a head",
        "part of a head, and norms",
        "norms and rotations",
        "norms of heads too",
        "gelu and rotations; a weight counted from one stays",
        "norms and gelu",
    ],
)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 0.05)])
def test_states_stay_the_same(make, parts, dtype, tolerance):
    torch.manual_seed(0)
    model = make().eval().to(dtype)
    for parameter in model.parameters():
        if parameter.ndim == 1:
            parameter.data += 0.1 * torch.randn_like(parameter)  # of norms, which begin alike
    ids = torch.randint(0, 100, (2, 11))
    with torch.inference_mode():
        expected = model(input_ids=ids).last_hidden_state

        assert use_fused(model) == parts

        found = model(input_ids=ids).last_hidden_state
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("size", [1e-3, 1.0, 1e4])
def test_a_norm_is_that_of_float64_whatever_the_length(dtype, size):
    hidden = (torch.linspace(-1, 1, 3000).view(2, 1500) * size).to(dtype)
    weight = torch.linspace(0.5, 2, 1500).to(dtype)
    found = _fused._rms_norm(weight, 1e-6)(hidden)
    exact = hidden.double()
    wanted = weight.double() * exact / (exact.square().mean(dim=-1, keepdim=True) + 1e-6).sqrt()
    assert found.dtype == dtype
    torch.testing.assert_close(found.double(), wanted, rtol=4 * torch.finfo(dtype).eps, atol=1e-6)


def test_a_models_parts_are_replaced_on_a_processor(tiny_llama):
    network = make_network(ModelDirectory(tiny_llama), torch.float32, torch.device("cpu"), seed=None)
    norms = [part for part in network.model.modules() if "RMSNorm" in type(part).__name__]
    assert norms
    assert all("forward" in vars(norm) for norm in norms)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_norms_with_a_gate_keep_it(dtype):
    torch.manual_seed(0)
    model = mamba2().eval().to(dtype)
    ids = torch.randint(0, 100, (2, 11))
    with torch.inference_mode():
        expected = model(input_ids=ids).last_hidden_state
        use_fused(model)
        found = model(input_ids=ids).last_hidden_state
    assert not any("forward" in vars(part) for part in model.modules() if "Gated" in type(part).__name__)
    torch.testing.assert_close(found, expected, rtol=0.05, atol=0.05)


def test_other_models_of_the_same_kind_keep_theirs():
    before = modeling_llama.apply_rotary_pos_emb
    changed, other = llama().eval(), llama().eval()
    use_fused(changed)

    assert modeling_llama.apply_rotary_pos_emb is before
    assert "forward" not in vars(other.layers[0].self_attn)
    assert "forward" in vars(changed.layers[0].self_attn)


def test_where_the_whole_gives_something_else_nothing_is_replaced(monkeypatch):
    monkeypatch.setattr(_fused, "_agree", lambda *_: True)  # though a weight is counted from one
    model = gemma().eval()
    ids = torch.arange(7)[None]
    with torch.inference_mode():
        expected = model(input_ids=ids).last_hidden_state
        assert use_fused(model) == 0
        torch.testing.assert_close(model(input_ids=ids).last_hidden_state, expected)
    assert not any("forward" in vars(part) for part in model.modules())


def t5_in_half(dtype):
    model = t5().eval().to(dtype)
    for part in model.encoder.block:
        part.layer[1].DenseReluDense.wo.float()
    return model


def noted_uses(monkeypatch):
    used = []

    @contextlib.contextmanager
    def noted():
        used.append(True)
        yield

    monkeypatch.setattr(_fused, "tensor_float32", noted)
    return used


def test_a_layer_in_float32_rounds_as_tf32_on_a_gpu_where_the_rest_is_in_float16(monkeypatch):
    used = noted_uses(monkeypatch)
    model, ids = t5_in_half(torch.float16), torch.arange(7)[None]
    with torch.inference_mode():
        expected = model(input_ids=ids).last_hidden_state
        use_tensor_float32(model)
        used.clear()
        found = model(input_ids=ids).last_hidden_state
    assert len(used) == 2
    torch.testing.assert_close(found, expected, rtol=0.05, atol=0.05)


def test_a_model_in_float32_is_exact_or_as_its_user_says(monkeypatch):
    used = noted_uses(monkeypatch)
    whole = t5().eval()
    use_tensor_float32(whole)
    whole(input_ids=torch.arange(7)[None])
    assert not used


def test_the_layer_that_t5_keeps_in_float32_multiplies_in_bfloat16_where_the_rest_does():
    model, ids = t5_in_half(torch.bfloat16), torch.arange(7)[None]
    layers = [part.layer[1].DenseReluDense.wo for part in model.encoder.block]
    kinds = []
    with torch.inference_mode():
        expected = model(input_ids=ids).last_hidden_state
        use_half_precision(model)
        for layer in layers:
            layer.register_forward_hook(lambda _, given, found: kinds.append((given[0].dtype, found.dtype)))
        found = model(input_ids=ids).last_hidden_state
    assert {layer.weight.dtype for layer in layers} == {torch.bfloat16}
    assert kinds == [(torch.bfloat16, torch.float32)] * len(layers), "what is summed up stays in float32"
    torch.testing.assert_close(found, expected, rtol=0.05, atol=0.05)


def test_other_layers_in_float32_keep_their_weights():
    """A router's choice of experts, say, is not to be rounded more than it need be."""
    model = t5_in_half(torch.bfloat16)
    layer = model.encoder.block[0].layer[0].SelfAttention.q
    layer.float()
    layer.forward = lambda hidden: torch.nn.functional.linear(hidden.float(), layer.weight).bfloat16()
    use_half_precision(model)
    use_tensor_float32(model)
    assert layer.weight.dtype == torch.float32
