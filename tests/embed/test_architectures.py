"""Real architectures, tiny and random, with tokenizers of their kinds; each against transformers, text by text."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModel, AutoTokenizer

from embedreg.core.errors import ModelError
from embedreg.embed import TransformerEmbedder
from embedreg.embed._byte_tokenizer import byte_tokenizer

TEXTS = ["adam", '{"lr": 0.001, "size": 64}', "the model trains with a layer of units"]
SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
GROUPED = {**SMALL, "num_key_value_heads": 2, "head_dim": 8}
GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}
T5 = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4}
ENCODERS = {
    "Bert": SMALL,
    "Camembert": SMALL,
    "DistilBert": {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64},
    "Electra": {**SMALL, "embedding_size": 16},
    "MPNet": SMALL,
    "ModernBert": {**SMALL, "pad_token_id": 0},
    "Roberta": SMALL,
    "XLMRoberta": SMALL,
}
DECODERS = {
    "GPT2": GPT2,
    "Llama": GROUPED,
    "Gemma": GROUPED,
    "Gemma3Text": GROUPED,
    "Qwen2": GROUPED,
    "Qwen3": GROUPED,
}
UL2 = {**T5, "feed_forward_proj": "gated-silu"}  # a T5 of another activation
WITH_DECODER = {
    "T5": ("T5", T5),
    "UL2": ("T5", UL2),
    "MT5": ("MT5", T5),
    "UMT5": ("UMT5", T5),
    "LongT5": ("LongT5", T5),
}


def embed(embedder, texts):
    vectors = np.full((len(texts), embedder.dimension), np.nan, dtype=np.float32)
    for positions, part in embedder.embed_batches(texts):
        vectors[positions] = part
    return vectors


def save(path, model, tokenizer_from):
    model.save_pretrained(path)
    AutoTokenizer.from_pretrained(tokenizer_from).save_pretrained(path)
    return path


def means(path, encoder, texts=TEXTS):
    tokenizer = AutoTokenizer.from_pretrained(path)
    with torch.no_grad():
        ids = [tokenizer(text, return_tensors="pt")["input_ids"] for text in texts]
        return np.stack([encoder(input_ids=i).last_hidden_state[0].mean(dim=0).numpy() for i in ids])


@pytest.fixture
def tokenizers(request):
    return {**dict.fromkeys(ENCODERS, "tiny_bert"), **dict.fromkeys(DECODERS, "tiny_llama")}


@pytest.mark.parametrize("family", [*ENCODERS, *DECODERS])
def test_encoders_and_decoders(family, tmp_path, request, tokenizers):
    torch.manual_seed(0)
    sizes = ENCODERS.get(family) or DECODERS[family]
    config = getattr(transformers, f"{family}Config")(vocab_size=400, **sizes)
    source = request.getfixturevalue(tokenizers[family])
    path = save(tmp_path, getattr(transformers, f"{family}Model")(config), source)

    got = embed(TransformerEmbedder(path), TEXTS)

    np.testing.assert_allclose(got, means(path, AutoModel.from_pretrained(path).eval()), atol=1e-5)
    assert embed(TransformerEmbedder(path, layers="all"), TEXTS).shape == (3, 64)
    vocabulary = sizes.get("embedding_size", 32)
    assert embed(TransformerEmbedder(path, forward=False), TEXTS).shape == (3, vocabulary)
    again = [embed(TransformerEmbedder(path, weights="random", seed=3), TEXTS) for _ in range(2)]
    np.testing.assert_array_equal(*again)


@pytest.mark.parametrize(("family", "sizes"), WITH_DECODER.values(), ids=WITH_DECODER)
def test_encoder_decoders_run_by_their_encoder(family, sizes, tmp_path, tiny_bert):
    torch.manual_seed(0)
    config = getattr(transformers, f"{family}Config")(vocab_size=400, **sizes)
    model = getattr(transformers, f"{family}ForConditionalGeneration")(config).eval()
    path = save(tmp_path, model, tiny_bert)

    embedder = TransformerEmbedder(path)

    np.testing.assert_allclose(embed(embedder, TEXTS), means(path, model.get_encoder()), atol=1e-5)
    assert not any("decoder" in name for name, _ in embedder._loaded.network.model.named_parameters())


def test_t5gemma_runs_by_its_encoder(tmp_path, tiny_llama):
    torch.manual_seed(0)
    part = transformers.T5GemmaModuleConfig(vocab_size=400, **GROUPED)
    config = transformers.T5GemmaConfig(encoder=part, decoder=part, vocab_size=400)
    model = transformers.T5GemmaForConditionalGeneration(config).eval()
    path = save(tmp_path, model, tiny_llama)

    embedder = TransformerEmbedder(path)

    np.testing.assert_allclose(embed(embedder, TEXTS), means(path, model.get_encoder()), atol=1e-5)
    assert not any("decoder" in name for name, _ in embedder._loaded.network.model.named_parameters())
    assert embed(TransformerEmbedder(path, weights="random"), TEXTS).shape == (3, 32)


@pytest.mark.parametrize("tied", [True, False])
def test_a_language_models_head_does_not_matter(tied, tmp_path, tiny_llama):
    torch.manual_seed(0)
    config = transformers.LlamaConfig(vocab_size=400, tie_word_embeddings=tied, **GROUPED)
    model = transformers.LlamaForCausalLM(config).eval()
    path = save(tmp_path, model, tiny_llama)

    np.testing.assert_allclose(embed(TransformerEmbedder(path), TEXTS), means(path, model.model), atol=1e-5)


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_side_that_a_tokenizer_pads_on_changes_nothing(side, tmp_path, tiny_llama):
    shutil.copytree(tiny_llama, tmp_path, dirs_exist_ok=True)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path, padding_side=side, pad_token="<|end|>")
    tokenizer.save_pretrained(tmp_path)

    for pooling in ("mean", "last", "first", "weighted"):
        got = embed(TransformerEmbedder(tmp_path, pooling=pooling), TEXTS)
        alone = np.concatenate([embed(TransformerEmbedder(tiny_llama, pooling=pooling), [t]) for t in TEXTS])
        np.testing.assert_allclose(got, alone, atol=1e-5)


class TestByT5:
    @pytest.fixture
    def byt5(self, tmp_path):
        torch.manual_seed(0)
        model = transformers.T5ForConditionalGeneration(transformers.T5Config(vocab_size=384, **T5))
        model.save_pretrained(tmp_path)
        transformers.ByT5Tokenizer().save_pretrained(tmp_path)
        return tmp_path

    def test_reads_bytes(self, byt5):
        model = transformers.T5EncoderModel.from_pretrained(byt5).eval()
        embedder = TransformerEmbedder(byt5)

        np.testing.assert_allclose(embed(embedder, TEXTS), means(byt5, model), atol=1e-5)
        assert embedder.count_tokens(["adam", "é", ""]) == [5, 3, 1]
        assert embedder.count_tokens(["a" * 1000]) == [1000 + 2], "two windows of 512, each with an end"

    @settings(max_examples=100, deadline=None)
    @given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="<")))
    def test_ids_are_those_of_transformers(self, text):
        slow = transformers.ByT5Tokenizer()

        assert byte_tokenizer(slow).encode(text).ids == slow(text)["input_ids"]

    def test_a_special_tokens_name_is_only_text(self):
        slow = transformers.ByT5Tokenizer()

        assert len(byte_tokenizer(slow).encode("</s><extra_id_0>").ids) == len("</s><extra_id_0>") + 1


def test_another_slow_tokenizer_is_refused(tmp_path, tiny_bert):
    shutil.copytree(tiny_bert, tmp_path, dirs_exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).unlink()
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "CanineTokenizer"}')
    (tmp_path / "vocab.txt").write_text("a")

    with pytest.raises(ModelError, match="a slow tokenizer"):
        embed(TransformerEmbedder(tmp_path), ["adam"])
