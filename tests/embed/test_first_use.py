"""Models whose hash nobody here knows: trusted when they first come, and held to it ever after."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer, T5Config, T5ForConditionalGeneration

from embedreg.core.errors import ModelError, UsageError
from embedreg.core.paths import cache_root
from embedreg.embed import TransformerEmbedder, installed_path, make_embedder, pull, verify
from embedreg.embed._sources import DirectorySource


def vector(embedder):
    [(_, vectors)] = embedder.embed_batches(["adam"])
    return vectors[0]


@pytest.fixture
def published(tmp_path, tiny_bert):
    path = tmp_path / "published"
    shutil.copytree(tiny_bert, path)
    return path


@pytest.fixture
def entry(tiny_entry, published):
    return tiny_entry(sha256=None, sources=(DirectorySource(published),))


def change(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def test_what_comes_first_is_recorded_and_runs(entry, published, tiny_bert, monkeypatch, capsys):
    monkeypatch.delenv("EMBEDREG_PROGRESS")
    assert installed_path(entry) is None

    path = pull("tiny")

    assert installed_path(entry) == path == cache_root() / "models" / "tiny-first-use"
    assert "trusting tiny on first use" in capsys.readouterr().err
    record = json.loads((cache_root() / "models" / "tiny.first-use.json").read_text())
    assert record["source"] == f"directory {published}"
    embedder = make_embedder("tiny")
    assert embedder.fingerprint()["weights"] == record["sha256"]
    np.testing.assert_array_equal(vector(embedder), vector(TransformerEmbedder(tiny_bert)))
    assert verify("tiny").path == path


def test_weights_that_change_here_are_not_used_and_come_again(entry, published):
    weights = pull("tiny") / "model.safetensors"
    embedder = make_embedder("tiny")
    change(weights)

    with pytest.raises(ModelError, match=r"sha256 .*expected sha256"):
        vector(embedder)
    with pytest.raises(ModelError, match="those that first came"):
        verify("tiny")
    pull("tiny")
    assert verify("tiny")


def test_a_source_that_gives_other_weights_later_is_refused(entry, published):
    shutil.rmtree(pull("tiny"))
    change(published / "model.safetensors")

    with pytest.raises(ModelError, match=r"weights of tiny from directory.*as they first came.*remove"):
        pull("tiny")
    assert installed_path(entry) is None

    (cache_root() / "models" / "tiny.first-use.json").unlink()
    assert pull("tiny").is_dir(), "the user may trust it anew"


def test_a_damaged_record_is_not_passed_over(entry):
    shutil.rmtree(pull("tiny"))
    (cache_root() / "models" / "tiny.first-use.json").write_text("{}")

    with pytest.raises(ModelError, match=r"unreadable .*tiny\.first-use\.json"):
        pull("tiny")


def test_shards(entry, published, tiny_bert):
    (published / "model.safetensors").unlink()
    AutoModel.from_pretrained(tiny_bert).save_pretrained(published, max_shard_size="20KB")

    path = pull("tiny")

    assert len(list(path.glob("*.safetensors"))) > 1
    np.testing.assert_array_equal(vector(make_embedder("tiny")), vector(TransformerEmbedder(tiny_bert)))
    change(next(path.glob("*.safetensors")))
    with pytest.raises(ModelError, match="those that first came"):
        verify("tiny")


def test_shards_of_a_decoder_are_not_fetched(entry, published, tiny_bert):
    torch.manual_seed(0)
    config = T5Config(vocab_size=300, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4)
    shutil.rmtree(published)
    T5ForConditionalGeneration(config).save_pretrained(published, max_shard_size="30KB")
    AutoTokenizer.from_pretrained(tiny_bert).save_pretrained(published)

    path = pull("tiny")

    assert 1 < len(list(path.glob("*.safetensors"))) < len(list(published.glob("*.safetensors")))
    np.testing.assert_array_equal(vector(make_embedder("tiny")), vector(TransformerEmbedder(published)))


class TestCheckpoint:
    """As google/t5-v1_1-small is published: a torch checkpoint of encoder and decoder."""

    @pytest.fixture
    def t5(self, published, tiny_bert):
        torch.manual_seed(0)
        config = T5Config(vocab_size=300, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4)
        model = T5ForConditionalGeneration(config).eval()
        shutil.rmtree(published)
        model.config.save_pretrained(published)
        AutoTokenizer.from_pretrained(tiny_bert).save_pretrained(published)
        torch.save(model.state_dict(), published / "pytorch_model.bin")
        return model

    def test_is_converted_without_the_decoder(self, t5, entry, tiny_bert):
        path = pull("tiny")

        from safetensors import safe_open

        with safe_open(path / "model.safetensors", framework="pt") as opened:
            assert not [name for name in list(opened.keys()) if name.startswith(("decoder", "lm_head"))]
        assert not (path / "pytorch_model.bin").exists()
        ids = AutoTokenizer.from_pretrained(tiny_bert)("adam", return_tensors="pt")["input_ids"]
        with torch.no_grad():
            expected = t5.get_encoder()(input_ids=ids).last_hidden_state[0].mean(dim=0).numpy()
        np.testing.assert_allclose(vector(make_embedder("tiny")), expected, atol=1e-6)
        assert verify("tiny")
        change(path / "model.safetensors")
        with pytest.raises(ModelError, match="those that first came"):
            verify("tiny")

    def test_byt5_which_has_no_vocabulary_file(self, t5, entry, published):
        from transformers import ByT5Tokenizer

        for file in ("tokenizer.json", "tokenizer_config.json"):
            (published / file).unlink()
        config = T5Config(vocab_size=384, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4)
        torch.save(T5ForConditionalGeneration(config).state_dict(), published / "pytorch_model.bin")
        config.save_pretrained(published)
        ByT5Tokenizer().save_pretrained(published)

        pull("tiny")

        assert make_embedder("tiny").count_tokens(["adam"]) == [5]

    def test_one_that_would_run_code_is_refused(self, t5, entry, published, tmp_path):
        import pickle

        marker = tmp_path / "was-run"

        class Evil:
            def __reduce__(self):
                return open, (str(marker), "w")

        with (published / "pytorch_model.bin").open("wb") as file:
            pickle.dump({"x": Evil()}, file)

        with pytest.raises(ModelError, match=r"while reading .*tensors alone"):
            pull("tiny")
        assert not marker.exists()
        assert installed_path(entry) is None

    def test_an_old_torch_is_not_trusted_with_it(self, t5, entry, monkeypatch):
        monkeypatch.setattr(torch, "__version__", "2.5.1+cpu")

        with pytest.raises(ModelError, match=r"torch 2\.5\.1.*2\.6 or newer"):
            pull("tiny")


class TestHub:
    @pytest.fixture
    def asked(self, monkeypatch, tiny_bert):
        asked = []

        def snapshot_download(repository, *, revision, allow_patterns, local_dir):
            asked.append((repository, revision))
            shutil.copytree(tiny_bert, local_dir, dirs_exist_ok=True)

        monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
        return asked

    @pytest.mark.parametrize(
        ("model", "revision"), [("hub:owner/tiny-bert", "main"), ("hub:owner/tiny-bert@v1.0", "v1.0")]
    )
    def test_any_model_of_the_hub(self, asked, tiny_bert, model, revision):
        embedder = make_embedder(f"{model}?pooling=max")

        assert asked == [("owner/tiny-bert", revision)]
        np.testing.assert_array_equal(vector(embedder), vector(TransformerEmbedder(tiny_bert, pooling="max")))
        make_embedder(model)
        assert len(asked) == 1, "it is here now"

    def test_offline(self, asked, monkeypatch):
        monkeypatch.setenv("EMBEDREG_OFFLINE", "1")

        with pytest.raises(ModelError, match=r"hub owner/tiny-bert at main: fetching is forbidden"):
            make_embedder("hub:owner/tiny-bert")
        assert asked == []

    @pytest.mark.parametrize("model", ["hub:", "hub:name", "hub:a/b/c", "hub:a/../b"])
    def test_what_is_no_name_of_the_hub(self, model):
        with pytest.raises(UsageError, match="hub:OWNER/NAME@REVISION"):
            make_embedder(model)
