"""Predict a number from anything that can be written down, by way of language-model embeddings."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embedreg.regressor import EmbeddingRegressor
    from embedreg.text_embedder import TextEmbedder

__version__ = "0.1.0"
__all__ = ["EmbeddingRegressor", "TextEmbedder", "__version__"]

_HOME = {"EmbeddingRegressor": "embedreg.regressor", "TextEmbedder": "embedreg.text_embedder"}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used, so that importing the package stays fast."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
