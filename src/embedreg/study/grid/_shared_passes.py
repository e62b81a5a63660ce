"""Embeddings for a study, with one forward pass for all representations of its grid that differ in the read-out alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embedreg.core.texts import check_texts
from embedreg.embed import EmbeddingCache
from embedreg.embed._embed_together import embed_together, forward_key
from embedreg.study.grid._cells import text_embedder

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from embedreg.study.grid._cells import Item
    from embedreg.study.grid._spec import RepresentationSpec
    from embedreg.text_embedder import TextEmbedder


class SharedPasses:
    """Embeds the items of one representation, and into the cache for others that want the same items.

    Parameters
    ----------
    representation
        The one that is run now.
    wanted
        Items of all representations that are not finished.
    """

    def __init__(self, representation: RepresentationSpec, wanted: Iterable[Item]) -> None:
        self._own = _ready(representation)
        self._others = {
            other.name: embedder
            for other in {item.representation.name: item.representation for item in wanted}.values()
            if other.name != representation.name and other.kind == "embedding"
            if _shares(self._own, embedder := _ready(other))
        }
        self._wanted = {(item.representation.name, *_rows(item)) for item in wanted}

    def embed(self, item: Item, records: list[Any]) -> NDArray[np.float32]:
        """Return the embeddings (n, d) of an item's records.

        Raises
        ------
        DataError
            If a record cannot be written as text.
        ModelError
            If the weights cannot be had, or give numbers that are not finite.
        """
        texts = self._own.texts(records)
        check_texts(texts)
        others = [e for name, e in self._others.items() if (name, *_rows(item)) in self._wanted]
        embedders = [embedder.embedder_ for embedder in (self._own, *others)]
        return embed_together(embedders, texts, cache=EmbeddingCache())[0]


def _ready(representation: RepresentationSpec) -> TextEmbedder:
    return text_embedder(representation).restore()


def _shares(one: TextEmbedder, other: TextEmbedder) -> bool:
    """Return whether two embedders write records alike and read them in one forward pass."""
    written = one.serializer_.settings() == other.serializer_.settings()
    return written and forward_key(one.embedder_) == forward_key(other.embedder_)


def _rows(item: Item) -> tuple[str, int, int]:
    return item.task.name, item.rows, item.seed
