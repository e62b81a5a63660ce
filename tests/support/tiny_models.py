"""Random models of real architectures, as a directory that transformers writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from tokenizers import Tokenizer

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}


def save_random(kind: Any, config: Any, path: Path) -> Path:
    """Save a model of class `kind` whose weights are always the same."""
    import torch

    torch.manual_seed(0)
    kind(config).save_pretrained(path)
    return path


def save_tokenizer(tokenizer: Tokenizer, path: Path, **settings: Any) -> None:
    from transformers import PreTrainedTokenizerFast

    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **settings).save_pretrained(path)
