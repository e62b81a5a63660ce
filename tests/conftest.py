"""Fixtures for every test: a cache of its own, silence, and tiny models of real architectures."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from tiny_models import SIZES, save_random, save_tokenizer

# Processes that run tests side by side (pytest-xdist) take a processor each. It counts only before those libraries are loaded.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
# Threads of XGBoost and torch that wait for each other sleep: where another process has a core, spinning takes ages.
# It counts only before those libraries are loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tokenizers import Tokenizer

    from embedreg.embed._catalogue import CatalogueEntry


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep tests away from the user's cache, and progress bars away from what tests capture."""
    monkeypatch.setenv("EMBEDREG_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setenv("EMBEDREG_PROGRESS", "0")
    for name in ("EMBEDREG_MODELS", "EMBEDREG_OFFLINE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _same_precision_everywhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let "auto" be float32, so that a test computes the same on every machine; tests of that choice say so."""
    if request.node.get_closest_marker("measures_precision") is None:
        monkeypatch.setattr("embedreg.core.precision.faster_dtype", lambda *_, **__: "float32")


@pytest.fixture(scope="session")
def corpus() -> list[str]:
    """Text that the tiny tokenizers are trained on."""
    words = [
        "learning",
        "rate",
        "batch",
        "size",
        "optimizer",
        "adam",
        "sgd",
        "the",
        "model",
        "trains",
        "with",
        "a",
        "layer",
        "of",
        "units",
        "and",
        "dropout",
    ]
    records = [json.dumps({"lr": i / 7, "size": i * i, "name": words[i % len(words)]}) for i in range(60)]
    return [*records, " ".join(words)]


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory, corpus: list[str]) -> Path:
    """A random BERT encoder: WordPiece, window 64, 2 layers of 32."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import BertConfig, BertModel

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(corpus, trainers.WordPieceTrainer(vocab_size=300, special_tokens=special))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    config = BertConfig(vocab_size=tokenizer.get_vocab_size(), max_position_embeddings=64, **SIZES)
    path = save_random(BertModel, config, tmp_path_factory.mktemp("tiny") / "tiny-bert")
    save_tokenizer(
        tokenizer,
        path,
        model_max_length=64,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )
    return path


@pytest.fixture(scope="session")
def byte_level_bpe(corpus: list[str]) -> Tokenizer:
    """A tokenizer as GPT-2 and Llama 3 have it, which adds no special tokens by itself."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=["<|end|>"], initial_alphabet=alphabet)
    tokenizer.train_from_iterator(corpus, trainer)
    return tokenizer


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory: pytest.TempPathFactory, byte_level_bpe: Tokenizer) -> Path:
    """A random Llama decoder: byte-level BPE, no padding token, 2 layers of 32."""
    from transformers import LlamaConfig, LlamaModel

    config = LlamaConfig(
        vocab_size=byte_level_bpe.get_vocab_size(),
        num_key_value_heads=2,
        max_position_embeddings=4096,
        pad_token_id=None,
        bos_token_id=0,
        eos_token_id=0,
        **SIZES,
    )
    path = save_random(LlamaModel, config, tmp_path_factory.mktemp("tiny") / "tiny-llama")
    save_tokenizer(byte_level_bpe, path, bos_token="<|end|>", eos_token="<|end|>")
    return path


@pytest.fixture(scope="session")
def tiny_static(tmp_path_factory: pytest.TempPathFactory, tiny_bert: Path) -> Path:
    """A random table of vectors in model2vec's format, with the vocabulary of `tiny_bert`."""
    import shutil

    import numpy as np
    from safetensors.numpy import save_file

    path = tmp_path_factory.mktemp("tiny") / "tiny-static"
    path.mkdir()
    shutil.copyfile(tiny_bert / "tokenizer.json", path / "tokenizer.json")
    table = np.random.default_rng(0).normal(size=(300, 16)).astype(np.float32)
    save_file({"embeddings": table}, path / "model.safetensors")
    (path / "config.json").write_text(json.dumps({"model_type": "model2vec", "normalize": True}))
    return path


@pytest.fixture
def tiny_entry(monkeypatch: pytest.MonkeyPatch, tiny_bert: Path) -> Callable[..., CatalogueEntry]:
    """Put an entry "tiny" into the catalogue: `tiny_bert` unless told otherwise."""
    from embedreg.core.files import sha256_of
    from embedreg.embed import _catalogue
    from embedreg.embed._sources import DirectorySource

    def add(**changes: Any) -> CatalogueEntry:
        settings: dict[str, Any] = {
            "name": "tiny",
            "description": "for tests",
            "kind": "transformer",
            "dimension": 32,
            "window": 64,
            "parameters": 1,
            "licence": "Apache-2.0",
            "weights": "model.safetensors",
            "sha256": sha256_of(tiny_bert / "model.safetensors"),
            "sources": (DirectorySource(tiny_bert),),
        }
        entry = _catalogue.CatalogueEntry(**{**settings, **changes})
        entries = {**_catalogue.catalogue(), entry.name: entry}
        monkeypatch.setattr(_catalogue, "_entries", lambda: entries)
        return entry

    return add


@pytest.fixture
def small_members(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the ensemble's members small, for tests of what it does with their predictions."""
    import dataclasses

    from embedreg.ensemble import _members

    small = {"xgboost": {"max_rounds": 15}, "extra_trees": {"n_trees": 15}, "mlp": {"max_epochs": 5}}
    members = tuple(
        dataclasses.replace(member, settings=member.settings | small.get(member.head, {}))
        for member in _members.MEMBERS
    )
    monkeypatch.setattr(_members, "MEMBERS", members)
