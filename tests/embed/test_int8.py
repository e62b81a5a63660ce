"""Products in 8-bit integers, held to those in float32."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from embedreg.core.devices import processor_has
from embedreg.core.errors import UsageError
from embedreg.embed import TransformerEmbedder, make_embedder
from embedreg.embed._int8 import Int8Linear, check_int8

TEXTS = ["adam", "learning rate " * 60, '{"lr": 0.1}', "x", "the model trains"]


vnni = pytest.mark.skipif(
    not (processor_has("avx512_vnni") or processor_has("avx_vnni")), reason="no VNNI on this processor"
)


def vectors(embedder):
    found = np.zeros((len(TEXTS), embedder.dimension), np.float32)
    for positions, some in embedder.embed_batches(TEXTS):
        found[positions] = some
    return found


@vnni
@torch.inference_mode()
@pytest.mark.parametrize("bias", [True, False])
def test_a_product_is_that_of_float32_up_to_a_hundredth(bias):
    torch.manual_seed(0)
    plain = torch.nn.Linear(64, 48, bias=bias)
    plain.weight *= torch.logspace(-3, 1, 48)[
        :, None
    ]  # outputs of very different sizes, each with its own scale
    plain.weight[5] = 0
    inputs = torch.randn(3, 7, 64)

    expected, found = plain(inputs), Int8Linear(plain.weight, plain.bias)(inputs)

    assert found.shape == expected.shape
    without = expected if plain.bias is None else expected - plain.bias
    error = (found - expected).norm(dim=(0, 1)) / without.norm(dim=(0, 1)).clamp_min(1e-9)
    assert error.max() < 0.02


@vnni
@pytest.mark.parametrize("model", ["tiny_bert", "tiny_llama", "tiny_t5"])
def test_vectors_are_near_those_of_float32_and_have_a_key_of_their_own(model, request):
    path = request.getfixturevalue(model)
    exact, rough = TransformerEmbedder(path, dtype="float32"), TransformerEmbedder(path, dtype="int8")
    one, other = vectors(exact), vectors(rough)

    assert exact.fingerprint() != rough.fingerprint()
    assert not np.array_equal(one, other)
    cosines = (one * other).sum(axis=1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    assert cosines.min() > 0.99


@vnni
def test_random_weights_are_rounded_too(tiny_bert):
    settings = {"weights": "random", "seed": 3}
    one, other = (vectors(make_embedder(tiny_bert, dtype=d, **settings)) for d in ("float32", "int8"))

    assert 0 < np.abs(one - other).max() < 0.1 * np.abs(one).max()


@vnni
def test_a_model_without_linear_layers_is_refused(tiny_gpt2):
    with pytest.raises(UsageError, match="dtype 'int8' for a GPT2Model"):
        vectors(TransformerEmbedder(tiny_gpt2, dtype="int8"))


def test_it_is_refused_where_it_would_be_slow_or_wrong(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict, raising=False)
    with pytest.raises(
        UsageError, match="dtype 'int8' on this processor; expected an x86 processor with VNNI"
    ):
        check_int8()


def test_it_is_refused_on_other_devices_before_anything_is_loaded(tiny_bert):
    with pytest.raises(UsageError, match="dtype 'int8' on cuda; expected a CPU"):
        TransformerEmbedder(tiny_bert, dtype="int8", device="cuda")


def test_it_is_refused_where_torch_has_it_no_more(monkeypatch):
    monkeypatch.delattr(torch, "quantize_per_channel")
    with pytest.raises(UsageError, match="dtype 'int8' with torch .*; expected torch 2.13 or older"):
        check_int8()
