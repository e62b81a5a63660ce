"""More tiny models, and an entry of the catalogue that a test can install."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tokenizers import Tokenizer


@pytest.fixture(scope="session")
def tiny_t5(tmp_path_factory: pytest.TempPathFactory, tiny_bert: Path) -> Path:
    """A random T5, encoder and decoder, which states no limit of length."""
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    torch.manual_seed(0)
    config = T5Config(
        vocab_size=300, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, decoder_start_token_id=0
    )
    path = tmp_path_factory.mktemp("tiny") / "tiny-t5"
    T5ForConditionalGeneration(config).save_pretrained(path)
    _tokenizer_of(tiny_bert, path)
    return path


@pytest.fixture(scope="session")
def tiny_gpt2(tmp_path_factory: pytest.TempPathFactory, byte_level_bpe: Tokenizer) -> Path:
    """A random GPT-2: 32 positions, no padding token, no special tokens added."""
    import torch
    from transformers import GPT2Config, GPT2Model, PreTrainedTokenizerFast

    torch.manual_seed(0)
    size = byte_level_bpe.get_vocab_size()
    config = GPT2Config(
        vocab_size=size, n_embd=32, n_layer=2, n_head=4, n_positions=32, bos_token_id=0, eos_token_id=0
    )
    path = tmp_path_factory.mktemp("tiny") / "tiny-gpt2"
    GPT2Model(config).save_pretrained(path)
    PreTrainedTokenizerFast(
        tokenizer_object=byte_level_bpe, eos_token="<|end|>", padding_side="left"
    ).save_pretrained(path)
    return path


@pytest.fixture(scope="session")
def tiny_roberta(tmp_path_factory: pytest.TempPathFactory, tiny_bert: Path) -> Path:
    """A random RoBERTa, which numbers positions from pad_token_id + 1: 66 of them make a window of 64."""
    import torch
    from transformers import RobertaConfig, RobertaModel

    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=300,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=66,
        pad_token_id=1,
    )
    path = tmp_path_factory.mktemp("tiny") / "tiny-roberta"
    RobertaModel(config).save_pretrained(path)
    shutil.copyfile(tiny_bert / "tokenizer.json", path / "tokenizer.json")  # and no tokenizer_config.json
    return path


def _tokenizer_of(model: Path, path: Path) -> None:
    """Copy a tokenizer without its limit of length."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.model_max_length = int(1e30)
    tokenizer.save_pretrained(path)
