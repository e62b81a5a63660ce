"""More tiny models, and an entry of the catalogue that a test can install."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from tiny_models import SIZES, save_random, save_tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tokenizers import Tokenizer


@pytest.fixture
def one_thread() -> Iterator[None]:
    """torch kept to one thread for the test: batches are not side by side, and compiled code, which is of one, is used."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny_t5(tmp_path_factory: pytest.TempPathFactory, tiny_bert: Path) -> Path:
    """A random T5, encoder and decoder, which states no limit of length."""
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(
        vocab_size=300, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, decoder_start_token_id=0
    )
    path = save_random(T5ForConditionalGeneration, config, tmp_path_factory.mktemp("tiny") / "tiny-t5")
    _tokenizer_of(tiny_bert, path)
    return path


@pytest.fixture(scope="session")
def tiny_gpt2(tmp_path_factory: pytest.TempPathFactory, byte_level_bpe: Tokenizer) -> Path:
    """A random GPT-2: 32 positions, no padding token, no special tokens added."""
    from transformers import GPT2Config, GPT2Model

    size = byte_level_bpe.get_vocab_size()
    config = GPT2Config(
        vocab_size=size, n_embd=32, n_layer=2, n_head=4, n_positions=32, bos_token_id=0, eos_token_id=0
    )
    path = save_random(GPT2Model, config, tmp_path_factory.mktemp("tiny") / "tiny-gpt2")
    save_tokenizer(byte_level_bpe, path, eos_token="<|end|>", padding_side="left")
    return path


@pytest.fixture(scope="session")
def tiny_roberta(tmp_path_factory: pytest.TempPathFactory, tiny_bert: Path) -> Path:
    """A random RoBERTa, which numbers positions from pad_token_id + 1: 66 of them make a window of 64."""
    from transformers import RobertaConfig, RobertaModel

    sizes = SIZES | {"num_hidden_layers": 1}
    config = RobertaConfig(vocab_size=300, max_position_embeddings=66, pad_token_id=1, **sizes)
    path = save_random(RobertaModel, config, tmp_path_factory.mktemp("tiny") / "tiny-roberta")
    shutil.copyfile(tiny_bert / "tokenizer.json", path / "tokenizer.json")  # and no tokenizer_config.json
    return path


@pytest.fixture(scope="session")
def tiny_electra(tmp_path_factory: pytest.TempPathFactory, tiny_bert: Path) -> Path:
    """A random ELECTRA, an encoder whose vocabulary is narrower than its layers: transformers runs it."""
    from transformers import ElectraConfig, ElectraModel

    config = ElectraConfig(vocab_size=300, embedding_size=16, max_position_embeddings=64, **SIZES)
    path = save_random(ElectraModel, config, tmp_path_factory.mktemp("tiny") / "tiny-electra")
    _tokenizer_of(tiny_bert, path)
    return path


def _tokenizer_of(model: Path, path: Path) -> None:
    """Copy a tokenizer without its limit of length."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.model_max_length = int(1e30)
    tokenizer.save_pretrained(path)
