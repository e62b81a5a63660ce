"""What can be known of a Hugging Face directory without loading torch, transformers or the weights."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, Final

from embedreg.core.errors import ModelError, UsageError
from embedreg.core.files import sha256_of
from embedreg.embed._bert_families import FAMILIES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from embedreg.core.protocols import Json

INDEX: Final = "model.safetensors.index.json"
_PICKLED: Final = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_VOCABULARIES: Final = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "spiece.model",
    "sentencepiece.bpe.model",
    "tokenizer.model",
)
_TOKENIZER_FILES: Final = (
    *_VOCABULARIES,
    "merges.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
)
# The same thing has another name in each family's config.json.
_DIMENSION: Final = ("hidden_size", "d_model", "n_embd", "dim")
_NARROWER: Final = (
    "embedding_size",
    "word_embed_proj_dim",
)  # of a vocabulary that a map widens: ELECTRA, OPT
_LAYERS: Final = ("num_hidden_layers", "num_layers", "n_layer", "n_layers", "encoder_layers")
_POSITIONS: Final = ("max_position_embeddings", "n_positions", "max_sequence_length")
# Families that number positions from pad_token_id + 1, so that their table has that many fewer usable rows.
_OFFSET_FAMILIES: Final = frozenset(
    {"data2vec-text", "longformer", "roberta-prelayernorm", "xlm-roberta-xl"}
    | {name for name, family in FAMILIES.items() if family.offset}
)
# Encoder-decoders whose encoder has a class of its own, so that the decoder can stay on disk.
TEXT_ENCODERS: Final = frozenset({"t5", "mt5", "umt5", "t5gemma"})
_DECODERS: Final = re.compile(r"(model\.)?decoder\.|lm_head\.")
# Tokenizers that are a class alone, without a vocabulary in a file.
_WITHOUT_VOCABULARY: Final = frozenset({"ByT5Tokenizer"})
# What may differ between two copies of one model.
_VOLATILE: Final = ("_name_or_path", "transformers_version")
_MOST_TOKENS: Final = 2048
_TOKENS_WITHOUT_LIMIT: Final = 512


class ModelDirectory:
    """A Hugging Face directory: configuration, tokenizer, and weights in safetensors.

    Parameters
    ----------
    path
        The directory.
    with_weights
        Whether weights have to be there.

    Attributes
    ----------
    weights
        The files that hold weights of what is run; of T5 and its kind, those of the encoder.

    Raises
    ------
    UsageError
        If it is no such directory.
    ModelError
        If weights or vocabulary are missing, or weights are pickled: loading those could run any code.
    """

    def __init__(self, path: Path, *, with_weights: bool = True) -> None:
        self.path = path
        if not (path / "config.json").is_file():
            raise UsageError(
                f"a directory {path} without config.json",
                expected="a Hugging Face model directory",
                mend="give the directory that holds config.json, tokenizer.json and model.safetensors",
            )
        if not has_vocabulary(path):
            # transformers would make an empty tokenizer, to which every word is unknown
            raise _incomplete(f"no tokenizer in {path}", "tokenizer.json")
        self.weights = _weights_files(path) if with_weights else []

    @functools.cached_property
    def config(self) -> dict[str, Any]:
        """The model's settings; those of its text part or its encoder if it has several parts."""
        config = _read_json(self.path / "config.json")
        parts = [config[name] for name in ("text_config", "encoder") if isinstance(config.get(name), dict)]
        model_type = {key: value for key, value in config.items() if key == "model_type"}
        return functools.reduce(lambda whole, part: {**whole, **part}, parts, config) | model_type

    @property
    def dimension(self) -> int:
        """Length of the vector of one token in one layer."""
        return self._required(_DIMENSION, "the length of its vectors")

    @property
    def vocabulary_dimension(self) -> int:
        """Length of the vector of a token in the vocabulary, before any layer."""
        return self._first(_NARROWER) or self.dimension

    @property
    def layers(self) -> int:
        """How many transformer layers there are."""
        return self._required(_LAYERS, "the number of its layers")

    def window(self, most: int | None = None) -> int:
        """Return how many tokens are read at once, special tokens included.

        The least of: `most`, or 2048 if that is not given, as attention's memory grows with the square;
        what the tokenizer says; how many positions the model knows. A model that knows no limit (T5) reads
        512.

        Raises
        ------
        UsageError
            If `most` is more than the model can read.
        """
        limits = [limit for limit in (self._tokenizer_limit(), self._positions()) if limit is not None]
        if most is None:
            return min(*limits, _MOST_TOKENS) if limits else _TOKENS_WITHOUT_LIMIT
        longest = min(limits, default=most)
        if not 1 <= most <= longest:
            raise UsageError(
                f"a window of {most} tokens for {self.path}",
                expected=f"1 to {longest}" if limits else "at least 1",
                mend="give a window in that range, or leave it out",
            )
        return most

    def weights_sha256(self) -> str:
        """Return the hash of the weights; of a list of their hashes if they are in several files."""
        hashes = {
            file.name: _sha256_once(file, file.stat().st_size, file.stat().st_mtime_ns)
            for file in self.weights
        }
        return _combined(hashes)

    def reread_weights_sha256(self) -> str:
        """Return the same from the bytes as they are now, whatever was remembered."""
        return _combined({file.name: sha256_of(file) for file in self.weights})

    def tokenizer_sha256(self) -> str:
        """Return the hash of the tokenizer's files."""
        return _sha256_of_json(
            {n: sha256_of(self.path / n) for n in _TOKENIZER_FILES if (self.path / n).is_file()}
        )

    def config_sha256(self) -> str:
        """Return the hash of the settings, without those that differ between copies of one model."""
        return _sha256_of_json({key: value for key, value in self.config.items() if key not in _VOLATILE})

    def _tokenizer_limit(self) -> int | None:
        path = self.path / "tokenizer_config.json"
        limit = _read_json(path).get("model_max_length") if path.is_file() else None
        return int(limit) if limit is not None and limit < 1e9 else None  # "no limit" is written as 1e30

    def _positions(self) -> int | None:
        positions = self._first(_POSITIONS)
        if positions is not None and self.config.get("model_type") in _OFFSET_FAMILIES:
            return positions - int(self.config.get("pad_token_id", 1)) - 1
        return positions

    def _first(self, names: tuple[str, ...]) -> int | None:
        return next((int(self.config[name]) for name in names if self.config.get(name) is not None), None)

    def _required(self, names: tuple[str, ...], what: str) -> int:
        value = self._first(names)
        if value is None:
            raise ModelError(
                f"{self.path / 'config.json'} without {what}",
                expected=f"one of {', '.join(names)}",
                mend="use another model; this architecture is not supported",
            )
        return value


def has_vocabulary(path: Path) -> bool:
    """Whether a directory has what a tokenizer is made from, or its tokenizer needs nothing."""
    config = path / "tokenizer_config.json"
    without = config.is_file() and _read_json(config).get("tokenizer_class") in _WITHOUT_VOCABULARY
    return without or any((path / name).is_file() for name in _VOCABULARIES)


def is_static(path: Path) -> bool:
    """Whether a directory holds a table of vectors alone, in model2vec's format."""
    config = path / "config.json"
    return config.is_file() and _read_json(config).get("model_type") == "model2vec"


def is_decoders(tensor: str) -> bool:
    """Whether a tensor of an encoder-decoder is of no use to its encoder.

    Examples
    --------
    >>> is_decoders("decoder.block.0.layer.0.layer_norm.weight"), is_decoders("shared.weight")
    (True, False)
    """
    return _DECODERS.match(tensor) is not None


def needed_shards(path: Path) -> set[str]:
    """Return which shards an index names; without those that hold decoder alone, where the encoder can be alone.

    Raises
    ------
    ModelError
        If the index or the settings cannot be read.
    """
    tensors = _read_json(path / INDEX)["weight_map"].items()
    encoder_only = _read_json(path / "config.json").get("model_type") in TEXT_ENCODERS
    return {file for tensor, file in tensors if not (encoder_only and is_decoders(tensor))}


def _weights_files(path: Path) -> list[Path]:
    """Return the files of the weights, whole or in shards."""
    whole = path / "model.safetensors"
    if whole.is_file():
        return [whole]
    if (path / INDEX).is_file():
        shards = [path / name for name in sorted(needed_shards(path))]
        for shard in shards:
            if not shard.is_file():
                raise _incomplete(f"no {shard.name} in {path}", f"all {len(shards)} files of the weights")
        return shards
    pickled = sorted(file.name for pattern in _PICKLED for file in path.glob(pattern))
    if pickled:
        raise ModelError(
            f"pickled weights {pickled[0]} in {path}",
            expected="model.safetensors; a pickle can run any code when it is loaded",
            mend="where you trust the file, convert it with transformers: "
            f"AutoModel.from_pretrained('{path}').save_pretrained('{path}')",
        )
    raise _incomplete(f"no weights in {path}", "model.safetensors")


def _incomplete(got: str, expected: str) -> ModelError:
    return ModelError(got, expected=expected, mend="download the model again")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _incomplete(f"an unreadable {path}: {error}", "JSON") from error
    if not isinstance(values, dict):
        raise _incomplete(f"{type(values).__name__} in {path}", "a JSON object")
    return values


def _combined(hashes: dict[str, str]) -> str:
    return next(iter(hashes.values())) if len(hashes) == 1 else _sha256_of_json(hashes)


def _sha256_of_json(value: Mapping[str, Json]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


@functools.lru_cache(maxsize=256)
def _sha256_once(path: Path, _size: int, _modified: int) -> str:
    """Hash a file once a process, and again when its size or time of change differs."""
    return sha256_of(path)
