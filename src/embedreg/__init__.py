"""Predict a number from anything that can be written down, by way of language-model embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embedreg.core.lazy import lazy_names

if TYPE_CHECKING:
    from embedreg.regressor import EmbeddingRegressor
    from embedreg.text_embedder import TextEmbedder

__version__ = "0.1.0"
__all__ = ["EmbeddingRegressor", "TextEmbedder", "__version__"]

__getattr__, __dir__ = lazy_names(
    __name__,
    __all__,
    {"regressor": ["EmbeddingRegressor"], "text_embedder": ["TextEmbedder"]},
)
