"""text -> vector: the catalogue of models, the engines that run them, and the cache of vectors."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embedreg.embed._cache import EmbeddingCache
    from embedreg.embed._catalogue import DEFAULT_MODEL, CatalogueEntry, catalogue
    from embedreg.embed._embed_texts import embed_texts
    from embedreg.embed._endpoint import EmbeddingEndpoint
    from embedreg.embed._install import VerifyResult, installed_path, pull, verify
    from embedreg.embed._make_embedder import make_embedder
    from embedreg.embed._plan_embedding import EmbeddingPlan, is_service, plan_embedding
    from embedreg.embed._transformer import TransformerEmbedder
    from embedreg.embed.services._spending import SpendingCapError

__all__ = [
    "DEFAULT_MODEL",
    "CatalogueEntry",
    "EmbeddingCache",
    "EmbeddingEndpoint",
    "EmbeddingPlan",
    "SpendingCapError",
    "TransformerEmbedder",
    "VerifyResult",
    "catalogue",
    "embed_texts",
    "installed_path",
    "is_service",
    "make_embedder",
    "plan_embedding",
    "pull",
    "verify",
]

_HOME = {
    "DEFAULT_MODEL": "_catalogue",
    "CatalogueEntry": "_catalogue",
    "EmbeddingCache": "_cache",
    "EmbeddingEndpoint": "_endpoint",
    "EmbeddingPlan": "_plan_embedding",
    "SpendingCapError": "services._spending",
    "TransformerEmbedder": "_transformer",
    "VerifyResult": "_install",
    "catalogue": "_catalogue",
    "embed_texts": "_embed_texts",
    "installed_path": "_install",
    "is_service": "_plan_embedding",
    "make_embedder": "_make_embedder",
    "plan_embedding": "_plan_embedding",
    "pull": "_install",
    "verify": "_install",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used, so that listing models needs no torch."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
