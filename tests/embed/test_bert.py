"""BERT's encoder in torch alone, held to what transformers computes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from batches import batch_of
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoTokenizer

from embedreg.core.errors import ModelError
from embedreg.embed import TransformerEmbedder, _bert, _transformer, pull
from embedreg.embed._bert import BertEncoder, bert_tensors
from embedreg.embed._bert_config import is_bert
from embedreg.embed._load_model import load_model
from embedreg.embed._model_directory import ModelDirectory

TEXTS = [
    '{"optimizer": "adam", "lr": 0.001}',
    "",
    "Zürich — ÇÇ naïve 東京 \u202e ½ 😀",
    "UPPER lower\t\n  spaces",
    "unbelievablylongword" * 20,
    "C[C@H](O)c1ccccc1",
]


@pytest.fixture
def pair(tiny_bert):
    directory = ModelDirectory(tiny_bert)
    ours = BertEncoder(directory.config, bert_tensors(directory.weights), torch.float32, torch.device("cpu"))
    return ours, AutoModel.from_pretrained(tiny_bert).eval()


@torch.inference_mode()
def test_every_layer_is_that_of_transformers_also_beside_padding(pair):
    ours, theirs = pair
    ids = torch.arange(3 * 20).reshape(3, 20) % 200
    mask = (torch.arange(20) < torch.tensor([[20], [11], [1]])).long()
    expected = theirs(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
    found = ours.states(batch_of(ids, mask), (0, 1, 2))
    for state, wanted in zip(found, expected, strict=True):
        torch.testing.assert_close(state[mask.bool()], wanted[mask.bool()], rtol=1e-5, atol=1e-6)


@torch.inference_mode()
def test_layers_after_the_last_that_is_asked_for_are_not_run(pair):
    ours, theirs = pair
    ids = torch.arange(12).reshape(2, 6)
    ours._layers[1] = None
    expected = theirs(input_ids=ids, output_hidden_states=True).hidden_states[1]
    torch.testing.assert_close(ours.states(batch_of(ids), (1,))[0], expected, rtol=1e-5, atol=1e-6)


def test_weights_with_the_prefix_of_a_model_with_a_head(tiny_bert, tmp_path):
    tensors = load_file(tiny_bert / "model.safetensors")
    file = tmp_path / "model.safetensors"
    save_file(
        {f"bert.{name}": tensor for name, tensor in tensors.items()} | {"cls.bias": torch.zeros(3)}, file
    )
    assert set(bert_tensors([file])) == {name for name in tensors if not name.startswith("pooler.")}


def test_missing_weights_are_refused(tiny_bert):
    directory = ModelDirectory(tiny_bert)
    tensors = bert_tensors(directory.weights)
    del tensors["encoder.layer.1.output.dense.bias"]
    with pytest.raises(ModelError, match=r"without 1 tensors, encoder\.layer\.1\.output\.dense\.bias"):
        BertEncoder(directory.config, tensors, torch.float32, torch.device("cpu"))


@pytest.mark.parametrize(
    "changes", [{"hidden_act": "relu"}, {"position_embedding_type": "relative_key"}, {"is_decoder": True}]
)
def test_what_it_cannot_run_is_left_to_transformers(tiny_bert, changes):
    config = json.loads((tiny_bert / "config.json").read_text())
    assert is_bert(config)
    assert not is_bert(config | changes)


def test_each_way_to_run_a_model_has_a_schema_of_its_own(tiny_bert, tiny_llama):
    """So that vectors of one stay valid where the other is changed."""
    own, others = (
        TransformerEmbedder(path, dtype="float32").fingerprint()["schema"] for path in (tiny_bert, tiny_llama)
    )
    assert (own, others) == (_transformer._BERT_SCHEMA, _transformer._TRANSFORMERS_SCHEMA)


def load(path):
    directory = ModelDirectory(path)
    return load_model(
        directory,
        sha256=None,
        hashed=directory.reread_weights_sha256,
        window=64,
        dtype="float32",
        device="cpu",
        seed=None,
        lookup=False,
        prompt="",
    )


def test_a_tokenizer_that_another_file_changes_is_that_of_transformers(tiny_bert, tmp_path):
    path = shutil.copytree(tiny_bert, tmp_path / "cased")
    config = json.loads((path / "tokenizer_config.json").read_text())
    (path / "tokenizer_config.json").write_text(
        json.dumps(config | {"do_lower_case": False, "tokenizer_class": "BertTokenizer"})
    )
    assert (
        load(tiny_bert).tokenize(["ADAM"]).ids[0].tolist()
        == load(tiny_bert).tokenize(["adam"]).ids[0].tolist()
    )
    expected = AutoTokenizer.from_pretrained(path)(["ADAM"])["input_ids"][0]
    assert load(path).tokenize(["ADAM"]).ids[0].tolist() == expected


def test_the_default_model_reads_texts_as_transformers_does():
    path = pull("minilm", quiet=True)
    tokenizer, model = AutoTokenizer.from_pretrained(path), AutoModel.from_pretrained(path).eval()
    loaded = load(path)
    for text in TEXTS:
        wanted = tokenizer(text, truncation=True, max_length=64)["input_ids"]
        ids = loaded.tokenize([text]).ids[0]
        assert ids.tolist() == wanted
        given = torch.from_numpy(ids.astype(np.int64))[None]
        with torch.inference_mode():
            expected = model(input_ids=given).last_hidden_state
            found = loaded.network.states(batch_of(given), (6,))[0]
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_embedding_imports_no_transformers(tiny_bert):
    script = """
import sys
from types import SimpleNamespace
from embedreg.embed import TransformerEmbedder
from pathlib import Path
print(next(TransformerEmbedder(Path(sys.argv[1])).embed_batches(["adam"]))[1].shape, "transformers" in sys.modules)
"""
    told = subprocess.run(
        [sys.executable, "-c", script, str(tiny_bert)], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "(1, 32) False"


@pytest.mark.parametrize(("positions", "tried"), [(16, False), (24, True)])
def test_fewer_positions_than_a_trial_has_tokens_are_not_tried_on_a_gpu(
    tiny_bert, positions, tried, monkeypatch
):
    directory = ModelDirectory(tiny_bert)
    tensors = bert_tensors(directory.weights)
    name = "embeddings.position_embeddings.weight"
    tensors[name] = tensors[name][:positions]
    encoder = BertEncoder(directory.config, tensors, torch.float32, torch.device("cpu"))
    encoder.vocabulary = SimpleNamespace(device=torch.device("cuda"))
    monkeypatch.setattr(_bert, "packing_works", lambda *_: True)
    assert encoder.packs == tried
