"""Texts of the kinds that regression meets: about as many tokens of each, none longer than the window, all different."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from embedreg.embed import TransformerEmbedder

# 450 to 500 of 512 tokens: longer ones would be truncated by some engines and not by others
_LONG = (0.88, 0.976)
_SENTENCE = "the run was stopped after one hour because loss did not fall so we set rate to half and saw large models learn fast"
_AT_ONCE = 16  # texts drawn before their tokens are counted


@dataclass(frozen=True)
class TextSet:
    """Texts, and the tokens that a model reads of each."""

    name: str
    texts: list[str]
    tokens: list[int]

    def flop(self, config: dict[str, Any]) -> float:
        """Return the floating-point operations of a BERT's products over the real tokens, attention's among them."""
        d, wide, layers = (config[name] for name in ("hidden_size", "intermediate_size", "num_hidden_layers"))
        # a multiplication and an addition for each weight (queries, keys, values, output: d x d; two of d x wide),
        # and for each pair of tokens and each coordinate, in scores and in what is read
        return float(sum(layers * (2 * t * (4 * d * d + 2 * d * wide) + 4 * t * t * d) for t in self.tokens))


def text_sets(embedder: TransformerEmbedder, tokens: int, seed: int = 0) -> list[TextSet]:
    """Return short configurations, configurations of mixed lengths, and long documents, each of about so many tokens."""
    rng = np.random.default_rng(seed)
    kinds: dict[str, Callable[[], str]] = {
        "short configurations": lambda: config_text(rng, 3),
        "mixed lengths": lambda: config_text(rng, int(rng.integers(1, 17))),
        "long documents": lambda: long_text(embedder, rng),
    }
    return [_filled(name, _drawn(draw, embedder), tokens) for name, draw in kinds.items()]


def config_text(rng: np.random.Generator, numbers: int) -> str:
    """Return a configuration of so many numbers and a name, as JSON."""
    values = {f"param{i}": round(float(value), 4) for i, value in enumerate(rng.normal(size=numbers))}
    return json.dumps({**values, "optimizer": str(rng.choice(["adam", "sgd", "lamb"]))})


def long_text(embedder: TransformerEmbedder, rng: np.random.Generator) -> str:
    """Return a document a little shorter than the window."""
    low, high = (int(share * embedder.window) for share in _LONG)
    return text_of(embedder, rng, int(rng.integers(low, high + 1)))


def text_of(embedder: TransformerEmbedder, rng: np.random.Generator, tokens: int) -> str:
    """Return words of so many tokens, or a few less."""
    words = [str(word) for word in rng.choice(_SENTENCE.split(), tokens)]
    while (over := embedder.count_tokens([" ".join(words)])[0] - tokens) > 0:
        words = words[: -max(1, over // 4)]
    return " ".join(words)


def model_config(directory: Path) -> dict[str, Any]:
    """Return a model's configuration."""
    return dict(json.loads((directory / "config.json").read_text(encoding="utf-8")))


def _drawn(draw: Callable[[], str], embedder: TransformerEmbedder) -> Iterator[tuple[str, int]]:
    """Yield texts that fit the window, with their tokens, each text once."""
    seen: set[str] = set()
    while True:
        texts = [text for text in dict.fromkeys(draw() for _ in range(_AT_ONCE)) if text not in seen]
        seen.update(texts)
        for text, tokens in zip(texts, embedder.count_tokens(texts), strict=True):
            if tokens <= embedder.window:
                yield text, tokens


def _filled(name: str, drawn: Iterator[tuple[str, int]], tokens: int) -> TextSet:
    counted = itertools.accumulate(
        drawn, lambda so_far, new: (new[0], new[1], so_far[2] + new[1]), initial=("", 0, 0)
    )
    pairs = [
        (text, own)
        for text, own, total in itertools.takewhile(lambda row: row[2] - row[1] < tokens, counted)
        if own
    ]
    return TextSet(name, [text for text, _ in pairs], [own for _, own in pairs])
