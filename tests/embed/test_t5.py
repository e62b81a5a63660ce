"""T5 as it is published: true sizes, a SentencePiece unigram vocabulary, safetensors in shards, the encoder alone."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import sentencepiece
import torch
from transformers import AutoTokenizer, T5Config, T5EncoderModel, T5ForConditionalGeneration, T5Model

from embedreg.core.errors import ModelError, UsageError
from embedreg.embed import TransformerEmbedder, catalogue, make_embedder
from embedreg.embed._model_directory import ModelDirectory

TEXTS = ["adam", '{"lr": 0.001, "size": 64}', "the model trains with a layer of units and dropout"]
GATED = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}
# d_model, d_kv, d_ff, layers, heads, as in the published config.json
ORIGINAL = {
    "t5-small": (512, 64, 2048, 6, 8),
    "t5-base": (768, 64, 3072, 12, 12),
    "t5-large": (1024, 64, 4096, 24, 16),
    "t5-3b": (1024, 128, 16384, 24, 32),
    "t5-11b": (1024, 128, 65536, 24, 128),
}
V1_1 = {
    "small": (512, 64, 1024, 8, 6),
    "base": (768, 64, 2048, 12, 12),
    "large": (1024, 64, 2816, 24, 16),
    "xl": (2048, 64, 5120, 24, 32),
    "xxl": (4096, 64, 10240, 24, 64),
}


def config_of(shape, vocabulary=32128, **settings):
    names = ("d_model", "d_kv", "d_ff", "num_layers", "num_heads")
    return T5Config(
        vocab_size=vocabulary, decoder_start_token_id=0, **dict(zip(names, shape, strict=True)), **settings
    )


def embed(embedder, texts=TEXTS):
    vectors = np.full((len(texts), embedder.dimension), np.nan, dtype=np.float32)
    for positions, part in embedder.embed_batches(texts):
        vectors[positions] = part
    return vectors


@pytest.fixture(scope="module")
def unigram(tmp_path_factory, corpus):
    """A SentencePiece unigram model with T5's special ids, as the file that the published models carry."""
    path = tmp_path_factory.mktemp("spiece")
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus * 3), model_prefix=str(path / "spiece"), model_type="unigram", vocab_size=120,
        pad_id=0, eos_id=1, unk_id=2, bos_id=-1, minloglevel=2, hard_vocab_limit=False,
    )  # fmt: skip
    config = {"tokenizer_class": "T5Tokenizer", "extra_ids": 100, "model_max_length": 512}
    (path / "tokenizer_config.json").write_text(json.dumps(config))
    return path


@pytest.fixture(scope="module", params=["t5-small", "t5-v1_1-small"])
def small(request, tmp_path_factory, unigram):
    """T5 Small at its true size but for the vocabulary, in shards; with `spiece.model` and no tokenizer.json."""
    torch.manual_seed(0)
    original = request.param == "t5-small"
    shape, settings = (ORIGINAL["t5-small"], {}) if original else (V1_1["small"], GATED)
    model = T5ForConditionalGeneration(config_of(shape, 256, **settings))
    path = tmp_path_factory.mktemp(request.param) / request.param
    model.save_pretrained(path, max_shard_size="20MB")
    for name in ("spiece.model", "tokenizer_config.json"):
        shutil.copyfile(unigram / name, path / name)
    return path


def reference(path):
    tokenizer, model = AutoTokenizer.from_pretrained(path), T5EncoderModel.from_pretrained(path).eval()
    with torch.no_grad():
        ids = [tokenizer(text, return_tensors="pt")["input_ids"] for text in TEXTS]
        assert all(i[0, -1] == tokenizer.eos_token_id for i in ids)
        return np.stack([model(input_ids=i).last_hidden_state[0].mean(dim=0).numpy() for i in ids])


def test_equals_transformers_on_each_text_alone(small):
    embedder = TransformerEmbedder(small)

    assert (embedder.dimension, embedder.window) == (512, 512)
    np.testing.assert_allclose(embed(embedder), reference(small), atol=1e-5)
    assert len(ModelDirectory(small).weights) > 1


def test_the_vocabulary_is_the_trained_one(small, unigram):
    processor = sentencepiece.SentencePieceProcessor(model_file=str(unigram / "spiece.model"))

    assert TransformerEmbedder(small).count_tokens(TEXTS) == [len(processor.encode(t)) + 1 for t in TEXTS]


@pytest.mark.parametrize("decoder", [True, False])
def test_a_local_directory_stands_for_the_catalogues_entry(small, tmp_path, monkeypatch, decoder):
    """In shards, with the decoder's or without, trusted on first use."""
    name = "t5-small" if "v1_1" in small.name else "t5-small-original"
    shutil.copytree(small, tmp_path / name)
    if not decoder:
        encoders = {file.name for file in ModelDirectory(small).weights}
        for file in set((tmp_path / name).glob("*.safetensors")):
            if file.name not in encoders:
                file.unlink()
    monkeypatch.setenv("EMBEDREG_MODELS", str(tmp_path))
    monkeypatch.setenv("EMBEDREG_OFFLINE", "1")

    embedder = make_embedder(f"{name}?pooling=last")

    assert embedder.name == name
    np.testing.assert_array_equal(embed(embedder), embed(TransformerEmbedder(small, pooling="last")))


def test_missing_packages_are_named(small, monkeypatch):
    from embedreg.embed import _loading

    monkeypatch.setattr(_loading, "_is_installed", lambda name: name != "sentencepiece")

    with pytest.raises(UsageError, match=r"without sentencepiece;.*embedreg\[sentencepiece\]"):
        embed(TransformerEmbedder(small))


def test_the_decoders_shards_may_be_missing(small, tmp_path):
    """Every shard that holds nothing but decoder is removed: nobody opens it, and nothing changes."""
    path = tmp_path / "encoder"
    shutil.copytree(small, path)
    files = json.loads((path / "model.safetensors.index.json").read_text())["weight_map"]
    encoders = {file for tensor, file in files.items() if not tensor.startswith(("decoder.", "lm_head."))}
    unused = set(files.values()) - encoders
    assert unused
    for file in unused:
        (path / file).unlink()

    got = TransformerEmbedder(path)

    np.testing.assert_array_equal(embed(got), embed(TransformerEmbedder(small)))
    assert got.fingerprint() == TransformerEmbedder(small).fingerprint()
    (path / encoders.pop()).unlink()
    with pytest.raises(ModelError, match=r"no model-0000.*expected all"):
        TransformerEmbedder(path)


def test_no_tensor_of_the_decoder_is_read(small, monkeypatch):
    import safetensors

    read = []

    class Watched:
        def __init__(self, *args, **kwargs):
            self.opened = safetensors_open(*args, **kwargs)

        def __enter__(self):
            self.file = self.opened.__enter__()
            return self

        def __exit__(self, *error):
            return self.opened.__exit__(*error)

        def keys(self):
            return self.file.keys()

        def get_tensor(self, name):
            read.append(name)
            return self.file.get_tensor(name)

    safetensors_open = safetensors.safe_open
    monkeypatch.setattr(safetensors, "safe_open", Watched)

    network = TransformerEmbedder(small)._loaded.network.model

    assert read
    assert not [name for name in read if name.startswith(("decoder.", "lm_head."))]
    assert not [name for name, _ in network.named_parameters() if "decoder" in name]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_wo_stays_in_float32_in_half_precision(small, dtype):
    """On the loaded weights themselves; running float16 is for GPUs."""
    from embedreg.embed._loading import pretrained_network

    network, exact = (
        pretrained_network(ModelDirectory(small), getattr(torch, d)) for d in (dtype, "float32")
    )
    kinds = {name: parameter.dtype for name, parameter in network.named_parameters()}
    wo = [name for name in kinds if ".wo." in name]

    assert len(wo) == len(network.encoder.block)
    assert {kinds[name] for name in wo} == {torch.float32}
    assert {kinds[name] for name in set(kinds) - set(wo)} == {getattr(torch, dtype)}
    for name in wo:
        assert torch.equal(network.get_parameter(name), exact.get_parameter(name)), "not rounded on the way"


def test_a_large_feed_forward_does_not_overflow_in_bfloat16(small):
    exact, rough = embed(TransformerEmbedder(small)), embed(TransformerEmbedder(small, dtype="bfloat16"))

    cosine = (exact * rough).sum(axis=1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(rough, axis=1)
    assert cosine.min() > 0.999


# what the encoders hold, by arithmetic on the published shapes: the vocabulary, the table of relative positions, and
# for each layer four attention matrices, the feed-forward ones and two norms; one norm at the end
ENCODERS = {  # millions
    **dict(zip(ORIGINAL, (35.3, 109.6, 334.9, 1240.9, 4864.8), strict=True)),
    **dict(zip(V1_1, (35.3, 109.6, 341.2, 1223.5, 4762.3), strict=True)),
}


@pytest.mark.parametrize("name", ENCODERS)
def test_wider_ones_have_the_published_sizes(name):
    gated, shape = name in V1_1, (ORIGINAL | V1_1)[name]
    d_model, d_kv, d_ff, layers, heads = shape
    with torch.device("meta"):
        encoder = T5EncoderModel(config_of(shape, **(GATED if gated else {})))
    count = sum(parameter.numel() for parameter in encoder.parameters())

    layer = 4 * d_model * d_kv * heads + (3 if gated else 2) * d_model * d_ff + 2 * d_model
    assert count == 32128 * d_model + 32 * heads + layers * layer + d_model
    assert count / 1e6 == pytest.approx(ENCODERS[name], abs=0.06)
    entry = catalogue()[f"t5-{name}" if gated else f"{name}-original"]
    assert (entry.parameters, entry.dimension) == (count, d_model)


@pytest.mark.parametrize(
    ("name", "whole", "half"), [("small", 0.14, 0.08), ("xl", 4.89, 2.95), ("xxl", 19.05, 11.54)]
)
def test_memory_of_the_encoder(name, whole, half):
    """In float32, and while loading in bfloat16 with the feed-forward outputs in float32; gigabytes, by arithmetic on shapes."""
    with torch.device("meta"):
        encoder = T5EncoderModel(config_of(V1_1[name], **GATED))
    sizes = {key: parameter.numel() for key, parameter in encoder.named_parameters()}

    assert sum(sizes.values()) * 4 / 1e9 == pytest.approx(whole, abs=0.01)
    mixed = sum(size * (4 if ".wo." in key else 2) for key, size in sizes.items())
    assert mixed / 1e9 == pytest.approx(half, abs=0.01)


@pytest.mark.parametrize(
    ("shapes", "gated", "published"),
    [
        (ORIGINAL, False, (60.5, 222.9, 737.7, 2851.6, 11307.3)),
        (V1_1, True, (77.0, 247.6, 783.2, 2849.8, 11135.3)),
    ],
)
def test_whole_models_have_the_published_sizes(shapes, gated, published):
    """The counts that are published are of encoder and decoder together, and of v1.1's head of its own."""
    for shape, millions in zip(shapes.values(), published, strict=True):
        with torch.device("meta"):
            model = T5Model(config_of(shape, **(GATED if gated else {})))
        head = 32128 * shape[0] if gated else 0
        count = head + sum(parameter.numel() for parameter in model.parameters())
        assert count / 1e6 == pytest.approx(millions, abs=0.06)
