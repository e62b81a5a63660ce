"""texts -> vectors of several embedders, those that share a forward pass by one."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

import numpy as np

from embedreg.embed._embed_texts import TEXTS_AT_ONCE, embed_texts, refuse_other_than_texts
from embedreg.embed._embedding_session import EmbeddingSession, text_progress
from embedreg.embed._transformer import TransformerEmbedder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from embedreg.core.protocols import Embedder
    from embedreg.embed._cache import EmbeddingCache


def embed_together(
    embedders: Sequence[Embedder],
    texts: Sequence[str],
    *,
    cache: EmbeddingCache | None = None,
    progress: bool = True,
    description: str = "embedding",
) -> list[NDArray[np.float32]]:
    """Embed texts as `embed_texts` does, by several embedders.

    Those that differ in layers and pooling alone share a forward pass, as deep as the deepest of them needs. Each
    one's vectors go into the cache under its own fingerprint, where later calls for it alone find them.

    Parameters
    ----------
    embedders
        Text -> vector. Of those that share a pass, the first one's network is loaded.
    texts, cache, progress, description
        As for `embed_texts`.

    Returns
    -------
    list of ndarray of shape (n, d)
        Of each embedder, a row for each text.

    Raises
    ------
    UsageError, DataError, ModelError
        As `embed_texts`.

    Warns
    -----
    EmbedregWarning
        As `embed_texts`.
    """
    refuse_other_than_texts(texts)
    groups: dict[str, list[int]] = {}
    for position, embedder in enumerate(embedders):
        groups.setdefault(forward_key(embedder), []).append(position)
    found: dict[int, NDArray[np.float32]] = {}
    for positions in groups.values():
        group = [embedders[position] for position in positions]
        found |= zip(positions, _of_group(group, texts, cache, progress, description), strict=True)
    return [found[position] for position in range(len(embedders))]


def forward_key(embedder: Embedder) -> str:
    """Return what embedders have in common that share a forward pass, and no others have."""
    if isinstance(embedder, TransformerEmbedder):
        return json.dumps(dict(embedder.forward_identity()), sort_keys=True)
    return str(id(embedder))


def _of_group(
    group: Sequence[Embedder],
    texts: Sequence[str],
    cache: EmbeddingCache | None,
    progress: bool,
    description: str,
) -> list[NDArray[np.float32]]:
    """Return the vectors of embedders that share a pass; texts that one of them lacks are read for all that lack any."""
    if len(group) == 1:
        return [embed_texts(group[0], texts, cache=cache, progress=progress, description=description)]
    distinct = list(dict.fromkeys(texts))
    sessions = [EmbeddingSession(embedder, distinct, cache) for embedder in group]
    readers = [
        (embedder, session)
        for embedder, session in zip(group, sessions, strict=True)
        if isinstance(embedder, TransformerEmbedder) and len(session.missing)
    ]
    missing = np.unique(np.concatenate([session.missing for session in sessions]))
    with (
        text_progress(len(missing) if progress else 0, description) as advance,
        contextlib.ExitStack() as stack,
    ):
        for _, session in readers:
            stack.enter_context(session)
        for start in range(0, len(missing), TEXTS_AT_ONCE):
            rows = missing[start : start + TEXTS_AT_ONCE]
            embedders = [embedder for embedder, _ in readers]
            batches = embedders[0].embed_batches_for(embedders, [distinct[i] for i in rows])
            for positions, several in batches:
                for (_, session), vectors in zip(readers, several, strict=True):
                    session.add(rows[positions], vectors)
                advance(len(positions))
    return [session.of_texts(texts) for session in sessions]
