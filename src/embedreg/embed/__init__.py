"""text -> vector: the catalogue of models, the engines that run them, and the cache of vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embedreg.core.lazy import lazy_names

if TYPE_CHECKING:
    from embedreg.embed._cache import EmbeddingCache
    from embedreg.embed._catalogue import DEFAULT_MODEL, CatalogueEntry, catalogue
    from embedreg.embed._embed_texts import embed_texts
    from embedreg.embed._endpoint import EmbeddingEndpoint
    from embedreg.embed._install import VerifyResult, installed_path, pull, verify
    from embedreg.embed._make_embedder import anchored, asks_a_service, make_embedder
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
    "anchored",
    "asks_a_service",
    "catalogue",
    "embed_texts",
    "installed_path",
    "is_service",
    "make_embedder",
    "plan_embedding",
    "pull",
    "verify",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    __all__,
    {
        "_cache": ["EmbeddingCache"],
        "_catalogue": ["DEFAULT_MODEL", "CatalogueEntry", "catalogue"],
        "_embed_texts": ["embed_texts"],
        "_endpoint": ["EmbeddingEndpoint"],
        "_install": ["VerifyResult", "installed_path", "pull", "verify"],
        "_make_embedder": ["anchored", "asks_a_service", "make_embedder"],
        "_plan_embedding": ["EmbeddingPlan", "is_service", "plan_embedding"],
        "_transformer": ["TransformerEmbedder"],
        "services._spending": ["SpendingCapError"],
    },
)
