"""Models to embed with on a GPU: their shapes, and what they compute a token.

MiniLM has its own weights. Of SmolLM2-135M and of T5 v1.1 XXL's encoder there are the shapes, which decide the speed, with
random weights and MiniLM's tokenizer, whose ids are in their vocabularies too.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.speed._texts import model_config

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt")
_SMOLLM2 = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 576, "intermediate_size": 1536,
    "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3, "vocab_size": 49152, "hidden_act": "silu",
    "max_position_embeddings": 8192, "rms_norm_eps": 1e-5, "rope_theta": 100000.0, "tie_word_embeddings": True,
    "initializer_range": 0.041666666666666664, "bos_token_id": 0, "eos_token_id": 0,
}  # fmt: skip
_T5_XXL = {
    "architectures": ["T5EncoderModel"], "model_type": "t5", "d_model": 4096, "d_ff": 10240, "d_kv": 64, "num_heads": 64,
    "num_layers": 24, "num_decoder_layers": 24, "feed_forward_proj": "gated-gelu", "vocab_size": 32128, "dropout_rate": 0.1,
    "relative_attention_num_buckets": 32, "layer_norm_epsilon": 1e-6, "is_encoder_decoder": True, "pad_token_id": 0,
    "eos_token_id": 1, "decoder_start_token_id": 0, "tie_word_embeddings": False,
}  # fmt: skip


@dataclass(frozen=True)
class GpuModel:
    """A model as it is measured.

    Attributes
    ----------
    name
        For tables.
    config
        Of its directory; None for the directory that the benchmark is given.
    tokens
        Of each set of texts.
    sets
        Positions of the sets of texts that it reads.
    """

    name: str
    config: dict[str, Any] | None
    tokens: int
    sets: tuple[int, ...] = (0, 1, 2)

    def directory(self, given: Path, scratch: Path) -> Path:
        """Return its directory, which is made if need be, without weights."""
        if self.config is None:
            return given
        place = scratch / self.name.replace(" ", "-")
        place.mkdir()
        (place / "config.json").write_text(json.dumps(self.config), encoding="utf-8")
        for name in _TOKENIZER:
            if (given / name).is_file():
                shutil.copy(given / name, place / name)
        return place


MODELS = (
    GpuModel("MiniLM", None, 1_000_000),
    GpuModel("SmolLM2-135M", _SMOLLM2, 400_000),
    GpuModel("T5 v1.1 XXL encoder", _T5_XXL, 100_000, (1, 2)),
)


def small(model: GpuModel) -> GpuModel:
    """Return a model of that architecture which takes no time, to try the code with."""
    less = {
        "hidden_size": 36, "intermediate_size": 64, "num_hidden_layers": 2, "d_model": 32, "d_ff": 64, "d_kv": 8, "num_heads": 4,
        "num_layers": 2, "num_decoder_layers": 2,
    }  # fmt: skip
    config = model.config and {k: less.get(k, v) for k, v in model.config.items()}
    return GpuModel(model.name, config, 500, model.sets)


def flop(directory: Path, tokens: Sequence[int]) -> float:
    """Return the floating-point operations of the products over texts of so many tokens, attention's among them.

    A multiplication and an addition for each weight and token, and for each pair of tokens and coordinate twice, in scores and
    in what is read: half of the pairs where a token reads only those before it.
    """
    weights, width, layers, share = _shape(model_config(directory))
    return float(sum(layers * (2 * t * weights + share * 4 * t * t * width) for t in tokens))


def _shape(config: dict[str, Any]) -> tuple[int, int, int, float]:
    """Return a layer's weights, attention's width, the number of layers, and the share of pairs of tokens that are read."""
    if config["model_type"] == "t5":
        d, inner = config["d_model"], config["num_heads"] * config["d_kv"]
        return 4 * d * inner + 3 * d * config["d_ff"], inner, config["num_layers"], 1.0
    d, wide, layers = (config[name] for name in ("hidden_size", "intermediate_size", "num_hidden_layers"))
    if config["model_type"] == "llama":
        keys = d * config["num_key_value_heads"] // config["num_attention_heads"]
        return 2 * d * d + 2 * d * keys + 3 * d * wide, d, layers, 0.5
    return 4 * d * d + 2 * d * wide, d, layers, 1.0
