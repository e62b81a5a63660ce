"""Directories as users have them: pickled, sharded, incomplete, with code of their own."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from transformers import AutoModel

from embedreg.core.errors import ModelError
from embedreg.embed import TransformerEmbedder, make_embedder
from embedreg.embed._model_directory import ModelDirectory


@pytest.fixture
def model(tmp_path, tiny_bert):
    path = tmp_path / "model"
    shutil.copytree(tiny_bert, path)
    return path


def vector(path):
    [(_, vectors)] = TransformerEmbedder(path).embed_batches(["adam"])
    return vectors[0]


def edit_config(path, **changes):
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps({**config, **changes}))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.pkl"])
def test_pickled_weights_are_refused_with_how_to_convert(model, name):
    (model / "model.safetensors").rename(model / name)

    with pytest.raises(ModelError, match=rf"pickled weights {name}.*save_pretrained"):
        make_embedder(model)


def test_no_weights(model):
    (model / "model.safetensors").unlink()

    with pytest.raises(ModelError, match="no weights"):
        make_embedder(model)


def test_shards(model, tiny_bert):
    (model / "model.safetensors").unlink()
    AutoModel.from_pretrained(tiny_bert).save_pretrained(model, max_shard_size="20KB")
    directory = ModelDirectory(model)
    assert len(directory.weights) > 1

    np.testing.assert_array_equal(vector(model), vector(tiny_bert))
    before = directory.weights_sha256()
    assert before == directory.reread_weights_sha256()
    directory.weights[-1].write_bytes(directory.weights[-1].read_bytes() + b" ")
    assert ModelDirectory(model).weights_sha256() != before


def test_a_missing_shard(model, tiny_bert):
    (model / "model.safetensors").unlink()
    AutoModel.from_pretrained(tiny_bert).save_pretrained(model, max_shard_size="20KB")
    ModelDirectory(model).weights[0].unlink()

    with pytest.raises(ModelError, match=r"no model-00001-of-0000\d\.safetensors.*expected all \d files"):
        make_embedder(model)


def test_missing_tensors_are_not_replaced_by_random_ones(model):
    from safetensors.torch import load_file, save_file

    tensors = load_file(model / "model.safetensors")
    del tensors["encoder.layer.1.output.dense.weight"]
    save_file(tensors, model / "model.safetensors", metadata={"format": "pt"})

    with pytest.raises(ModelError, match=r"without 1 tensors, encoder\.layer\.1\.output\.dense\.weight"):
        vector(model)


def test_a_missing_pooler_does_not_matter(model, tiny_bert):
    from safetensors.torch import load_file, save_file

    tensors = {k: v for k, v in load_file(model / "model.safetensors").items() if "pooler" not in k}
    save_file(tensors, model / "model.safetensors", metadata={"format": "pt"})

    np.testing.assert_array_equal(vector(model), vector(tiny_bert))


def test_damaged_weights_of_a_directory(model):
    (model / "model.safetensors").write_bytes(b"not safetensors at all")

    with pytest.raises(ModelError, match="while loading the model"):
        vector(model)


def test_code_beside_the_weights_is_never_run(model, tmp_path):
    marker = tmp_path / "was-run"
    (model / "modeling_own.py").write_text(f"open({str(marker)!r}, 'w').close()\n")
    edit_config(
        model, model_type="own", auto_map={"AutoConfig": "modeling_own.Own", "AutoModel": "modeling_own.Own"}
    )

    with pytest.raises(ModelError, match="without code of its own"):
        vector(model)
    assert not marker.exists()


@pytest.mark.parametrize("text", ["{", "[]", ""])
def test_unreadable_config(model, text):
    (model / "config.json").write_text(text)

    with pytest.raises(ModelError, match=r"config\.json"):
        make_embedder(model)


def test_an_architecture_without_known_size(model):
    config = json.loads((model / "config.json").read_text())
    del config["hidden_size"]
    (model / "config.json").write_text(json.dumps(config))

    with pytest.raises(ModelError, match="without the length of its vectors"):
        _ = make_embedder(model).dimension


def test_settings_of_the_text_part(model):
    edit_config(model, text_config={"hidden_size": 48})

    assert ModelDirectory(model).dimension == 48


def test_the_version_that_saved_a_config_does_not_count(model, tiny_bert):
    edit_config(model, transformers_version="0.0", _name_or_path="elsewhere")

    assert ModelDirectory(model).config_sha256() == ModelDirectory(tiny_bert).config_sha256()


def test_a_tokenizer_without_files(model):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (model / name).unlink()

    with pytest.raises(ModelError, match="no tokenizer in"):
        make_embedder(model)
