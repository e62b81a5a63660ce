"""The encoder of BERT and its families in torch alone, held to what transformers computes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import transformers
from batches import batch_of
from safetensors.torch import load_file
from tiny_models import SIZES
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer

from embedreg.core.errors import ModelError
from embedreg.embed import TransformerEmbedder, _bert, _transformer, embed_texts, pull
from embedreg.embed._bert import BertEncoder, bert_tensors, in_berts_terms
from embedreg.embed._bert_families import FAMILIES, family_of
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


CPU = torch.device("cpu")
CONFIGS = {
    "bert": transformers.BertConfig(**SIZES),
    "camembert": transformers.CamembertConfig(**SIZES, max_position_embeddings=66),
    "distilbert": transformers.DistilBertConfig(dim=32, n_layers=2, n_heads=4, hidden_dim=64),
    "mpnet": transformers.MPNetConfig(**SIZES),
    "roberta": transformers.RobertaConfig(**SIZES, pad_token_id=3),
    "xlm-roberta": transformers.XLMRobertaConfig(**SIZES),
}


def random_like(config):
    """A model of transformers whose weights are far from zero, norms and biases too."""
    torch.manual_seed(0)
    model = AutoModel.from_config(config, attn_implementation="eager").eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.3)
    return model


def encoder_of(path, dtype=torch.float32):
    directory = ModelDirectory(path)
    family = family_of(directory.config)
    return BertEncoder(family, directory.config, bert_tensors(family, directory.weights), dtype, CPU)


@pytest.fixture(params=CONFIGS)
def pair(request, tmp_path, tiny_bert):
    """An encoder of each family, and transformers' own of the same weights."""
    theirs = random_like(CONFIGS[request.param])
    theirs.save_pretrained(tmp_path)
    shutil.copyfile(tiny_bert / "tokenizer.json", tmp_path / "tokenizer.json")
    return encoder_of(tmp_path), theirs


def test_each_family_is_tried():
    assert set(CONFIGS) == set(FAMILIES)


@torch.inference_mode()
@pytest.mark.parametrize("lengths", [(40, 40, 40), (40, 11, 1), (7, 7, 6)])
def test_every_layer_is_that_of_transformers_also_beside_padding(pair, lengths):
    """With tokens in the midst of a text that mean padding to some families, at which they do not count positions."""
    ours, theirs = pair
    ids = torch.arange(3 * 40).reshape(3, 40)[:, : max(lengths)] % 50 + 1
    mask = (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]).long()
    expected = theirs(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
    batch = batch_of(ids, mask, pad=theirs.config.pad_token_id)
    for found in (
        ours.states(batch, (0, 1, 2)),
        [batch.to_padded(s) for s in ours._packed_states(batch, (0, 1, 2))],
    ):
        for state, wanted in zip(found, expected, strict=True):
            torch.testing.assert_close(state[mask.bool()], wanted[mask.bool()], rtol=1e-4, atol=1e-4)


@torch.inference_mode()
def test_layers_after_the_last_that_is_asked_for_are_not_run(pair):
    ours, theirs = pair
    ids = torch.arange(12).reshape(2, 6) + 5
    ours._layers[1] = None
    expected = theirs(input_ids=ids, output_hidden_states=True).hidden_states[1]
    torch.testing.assert_close(ours.states(batch_of(ids), (1,))[0], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("family", CONFIGS)
def test_weights_of_a_model_with_a_head(family, tmp_path, tiny_bert):
    whole = AutoModelForMaskedLM.from_config(CONFIGS[family])
    whole.save_pretrained(tmp_path)
    shutil.copyfile(tiny_bert / "tokenizer.json", tmp_path / "tokenizer.json")
    assert any(name.startswith(FAMILIES[family].prefix) for name in load_file(tmp_path / "model.safetensors"))
    ids = torch.arange(12).reshape(2, 6) + 5
    with torch.inference_mode():
        expected = whole.eval().base_model(input_ids=ids).last_hidden_state
        found = encoder_of(tmp_path).states(batch_of(ids), (2,))[0]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", CONFIGS)
def test_vectors_in_bfloat16_are_near_those_in_float32(family, tmp_path, tiny_bert):
    AutoModel.from_config(CONFIGS[family]).save_pretrained(tmp_path)
    shutil.copyfile(tiny_bert / "tokenizer.json", tmp_path / "tokenizer.json")
    texts = ["adam " * (1 + i % 37) + str(i) for i in range(60)]
    exact, quick = (
        torch.from_numpy(
            embed_texts(TransformerEmbedder(tmp_path, device="cpu", dtype=dtype), texts, progress=False)
        )
        for dtype in ("float32", "bfloat16")
    )
    assert torch.cosine_similarity(exact, quick).min() > 0.999


@pytest.mark.parametrize(
    ("family", "missing"),
    [
        ("bert", "encoder.layer.1.output.dense.bias"),
        ("bert", "embeddings.token_type_embeddings.weight"),
        ("mpnet", "encoder.relative_attention_bias.weight"),
        ("distilbert", "encoder.layer.0.attention.self.query.weight"),
    ],
)
def test_missing_weights_are_refused(family, missing):
    tensors = in_berts_terms(FAMILIES[family], random_like(CONFIGS[family]).state_dict())
    del tensors[missing]
    with pytest.raises(ModelError, match=f"without 1 tensors, {missing}"):
        BertEncoder(FAMILIES[family], CONFIGS[family].to_dict(), tensors, torch.float32, CPU)


@pytest.mark.parametrize("family", CONFIGS)
@pytest.mark.parametrize(
    "changes", [{"hidden_act": "relu"}, {"position_embedding_type": "relative_key"}, {"is_decoder": True}]
)
def test_what_it_cannot_run_is_left_to_transformers(family, changes):
    config = CONFIGS[family].to_dict()
    if family == "distilbert":
        changes = {{"hidden_act": "activation"}.get(name, name): value for name, value in changes.items()}
    assert family_of(config) is FAMILIES[family]
    assert family_of(config | changes) is None


def test_each_way_to_run_a_model_has_a_schema_of_its_own(tiny_bert, tiny_llama, tiny_roberta):
    """So that vectors of one stay valid where another is changed."""
    found = [
        TransformerEmbedder(path, dtype="float32").fingerprint()["schema"]
        for path in (tiny_bert, tiny_roberta, tiny_llama)
    ]
    assert found == [
        _transformer._BERT_SCHEMA,
        _transformer._FAMILIES_SCHEMA,
        _transformer._TRANSFORMERS_SCHEMA,
    ]
    assert len(set(found)) == len(found)


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
    encoder = encoder_of(tiny_bert)
    encoder._positions = encoder._positions[:positions]
    encoder.vocabulary = SimpleNamespace(device=torch.device("cuda"))
    monkeypatch.setattr(_bert, "packing_works", lambda *_: True)
    assert encoder.packs == tried
