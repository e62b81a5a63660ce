"""A GGUF model is converted once, and gives what the model it was written from gives."""

from __future__ import annotations

import json

import gguf
import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from embedreg.core.errors import ModelError, UsageError
from embedreg.core.files import sha256_of
from embedreg.embed import _gguf, installed_path, make_embedder, pull, verify
from embedreg.embed._sources import DirectorySource

NAMES = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def interleaved(weight, heads):
    """The order of rows that GGUF keeps queries and keys in."""
    rows, columns = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


@pytest.fixture(scope="module")
def tiny_gguf(tmp_path_factory, tiny_llama):
    """`tiny_llama` as one GGUF file in float32."""
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    model, tokenizer = AutoModel.from_pretrained(tiny_llama), AutoTokenizer.from_pretrained(tiny_llama)
    state = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    bpe = json.loads((tiny_llama / "tokenizer.json").read_text())["model"]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(4096)
    writer.add_embedding_length(32)
    writer.add_block_count(2)
    writer.add_feed_forward_length(64)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(model.config.rms_norm_eps)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(len(tokenizer))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(sorted(bpe["vocab"], key=bpe["vocab"].get))
    writer.add_token_types([gguf.TokenType.CONTROL] + [gguf.TokenType.NORMAL] * (len(tokenizer) - 1))
    writer.add_token_merges([pair if isinstance(pair, str) else " ".join(pair) for pair in bpe["merges"]])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    writer.add_tensor("token_embd.weight", state["embed_tokens.weight"])
    writer.add_tensor("output_norm.weight", state["norm.weight"])
    for layer in range(2):
        for ours, theirs in NAMES.items():
            weight = state[f"layers.{layer}.{ours}.weight"]
            heads = {"attn_q": 4, "attn_k": 2}.get(theirs)
            weight = weight if heads is None else interleaved(weight, heads)
            writer.add_tensor(f"blk.{layer}.{theirs}.weight", np.ascontiguousarray(weight))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture
def entry(tiny_entry, tiny_gguf):
    return tiny_entry(
        kind="gguf",
        window=2048,
        weights="tiny.gguf",
        sha256=sha256_of(tiny_gguf),
        sources=(DirectorySource(tiny_gguf.parent),),
    )


def vectors(embedder):
    [(positions, found)] = embedder.embed_batches(["adam", "learning rate", "the model"])
    return found[np.argsort(positions)]


def test_converted_once_and_equal_to_the_model_it_was_written_from(entry, tiny_llama, capfd):
    path = pull("tiny")

    assert capfd.readouterr() == ("", ""), "transformers' own bar would be here"
    assert {"tiny.gguf", "model.safetensors", "tokenizer.json", "conversion.json"} <= {
        p.name for p in path.iterdir()
    }
    assert set(verify("tiny").sha256) == {"tiny.gguf", "model.safetensors"}
    assert AutoModel.from_pretrained(path).dtype == torch.float32
    embedder = make_embedder("tiny")
    assert embedder.fingerprint()["weights"] == entry.sha256
    np.testing.assert_allclose(vectors(embedder), vectors(make_embedder(tiny_llama)), atol=1e-5)

    for name in ("model.safetensors", "tiny.gguf"):
        data = bytearray((path / name).read_bytes())
        data[-1] ^= 1
        (path / name).write_bytes(data)
        with pytest.raises(ModelError, match=name):
            verify("tiny")
        data[-1] ^= 1
        (path / name).write_bytes(data)
    (path / "model.safetensors").write_bytes(data)
    with pytest.raises(ModelError, match="sha256"):
        vectors(make_embedder("tiny"))
    (path / "conversion.json").write_text("{}")
    with pytest.raises(ModelError, match=r"no readable conversion\.json"):
        vectors(make_embedder("tiny"))


def test_a_file_by_its_path_is_converted_once(tiny_gguf, tiny_llama, monkeypatch):
    embedder = make_embedder(f"{tiny_gguf}")

    assert (embedder.name, embedder.fingerprint()["weights"]) == ("tiny", sha256_of(tiny_gguf))
    np.testing.assert_allclose(vectors(embedder), vectors(make_embedder(tiny_llama)), atol=1e-5)
    monkeypatch.setattr("embedreg.embed._install.convert_gguf", None)
    layers = make_embedder(f"{tiny_gguf}?layers=all")
    assert vectors(layers).shape == (3, 64)


def test_missing_packages_are_named_before_any_fetching(entry, monkeypatch):
    monkeypatch.setattr(_gguf.importlib.util, "find_spec", lambda name: None if name == "gguf" else object())

    with pytest.raises(UsageError, match=r"without gguf.*pip install 'embedreg\[gguf\]'"):
        pull("tiny")
    assert installed_path(entry) is None


def test_a_file_that_is_no_gguf(tmp_path):
    (tmp_path / "x.gguf").write_bytes(b"GGUF but not really")

    with pytest.raises(ModelError, match=r"while reading x\.gguf"):
        _gguf.convert_gguf(tmp_path, "x.gguf", "0" * 64)
