"""How long an embedder's vectors are, without asking a service where it can be known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from embedreg.core.protocols import Embedder
    from embedreg.embed._cache import EmbeddingCache


@runtime_checkable
class _OfAService(Protocol):
    """An embedder that may have to send a text to find out how long its vectors are."""

    @property
    def known_dimension(self) -> int | None: ...


def known_dimension(embedder: Embedder, cache: EmbeddingCache | None) -> int | None:
    """Return the length of vectors, of a service's model that is not known as the cache has it; None if it does not.

    Raises
    ------
    CacheError
        If the cache has to be read and cannot be.
    """
    if not isinstance(embedder, _OfAService):
        return embedder.dimension
    if embedder.known_dimension is not None or cache is None:
        return embedder.known_dimension
    return cache.dimension(embedder.fingerprint())
