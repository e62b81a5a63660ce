"""ByT5's tokenizer, which is a class without files, as one that cuts windows like all others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def byte_tokenizer(slow: Any) -> Tokenizer:
    """Return a tokenizer with the ids of transformers' `ByT5Tokenizer`: one token a byte, then the end.

    A special token's name that is written in a text is read as the bytes of that name.

    Parameters
    ----------
    slow
        The `ByT5Tokenizer`.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    end = slow.eos_token
    vocabulary = {_character(byte): slow.offset + byte for byte in range(256)}
    tokenizer = Tokenizer(models.BPE(vocab={**vocabulary, end: slow.eos_token_id}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {end}", special_tokens=[(end, slow.eos_token_id)]
    )
    return tokenizer


def _character(byte: int) -> str:
    """Return the character that stands for a byte in byte-level vocabularies: itself if it can be printed.

    Examples
    --------
    >>> _character(ord("a")), hex(ord(_character(0))), hex(ord(_character(ord(" "))))
    ('a', '0x100', '0x120')
    """
    hidden = [*range(0x21), *range(0x7F, 0xA1), 0xAD]
    return chr(0x100 + hidden.index(byte)) if byte in hidden else chr(byte)
