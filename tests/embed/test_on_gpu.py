"""What a GPU computes is what a processor computes. These run where torch finds a CUDA GPU, and are skipped elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from embedreg.embed import TransformerEmbedder, embed_texts

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")
TEXTS = [f'{{"rate": {i / 7:.4f}}} ' * (1 + i % 9) + "adam" * (i % 4) for i in range(90)]


def vectors(path, device, **settings):
    embedder = TransformerEmbedder(path, device=device, **settings)
    return embed_texts(embedder, TEXTS, progress=False)


def least_cosine(a, b):
    a, b = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (a, b))
    return float((a * b).sum(axis=1).min())


@pytest.mark.parametrize("model", ["tiny_bert", "tiny_llama", "tiny_t5"])
@pytest.mark.parametrize("pooling", ["mean", "last"])
def test_vectors_in_float32(model, pooling, request):
    path = request.getfixturevalue(model)
    expected = vectors(path, "cpu", dtype="float32", pooling=pooling)

    found = vectors(path, "cuda", dtype="float32", pooling=pooling)

    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("model", ["tiny_bert", "tiny_llama", "tiny_t5"])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_vectors_in_half_precision(model, dtype, request):
    path = request.getfixturevalue(model)

    assert least_cosine(vectors(path, "cuda", dtype=dtype), vectors(path, "cpu", dtype="float32")) > 0.999


def test_every_layer_of_one_pass_and_small_batches(tiny_llama):
    settings = {"dtype": "float32", "layers": "all"}
    expected = vectors(tiny_llama, "cpu", **settings)

    np.testing.assert_allclose(vectors(tiny_llama, "cuda", **settings), expected, rtol=1e-3, atol=1e-4)
    few = vectors(tiny_llama, "cuda", batch_tokens=64, **settings)
    np.testing.assert_allclose(few, expected, rtol=1e-3, atol=1e-4)


def test_what_texts_begin_with_is_read_once(tiny_llama):
    prompt = "the learning rate of the optimizer and the dropout of the model " * 2
    settings = {"dtype": "float32", "prompt": prompt, "window": 512}

    found, expected = (vectors(tiny_llama, device, **settings) for device in ("cuda", "cpu"))

    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
