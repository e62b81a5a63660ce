"""Parts of transformers' models in fewer kernels: the same numbers, nothing replaced that means something else."""

from __future__ import annotations

import pytest
import torch
from transformers import (
    GemmaConfig,
    GemmaModel,
    LlamaConfig,
    LlamaModel,
    Qwen3Config,
    Qwen3Model,
    T5Config,
    T5EncoderModel,
)
from transformers.models.llama import modeling_llama

from embedreg.embed._fused import use_fused

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
    [(llama, 2 * 2 + 1 + 2), (qwen, 2 * 4 + 1 + 2), (gemma, 2 + 2), (t5, 2 * 2 + 1 + 2)],
    ids=[
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


def test_other_models_of_the_same_kind_keep_theirs():
    before = modeling_llama.apply_rotary_pos_emb
    changed, other = llama().eval(), llama().eval()
    use_fused(changed)

    assert modeling_llama.apply_rotary_pos_emb is before
    assert "forward" not in vars(other.layers[0].self_attn)
    assert "forward" in vars(changed.layers[0].self_attn)
