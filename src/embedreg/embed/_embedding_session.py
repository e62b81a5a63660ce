"""Vectors of texts as they come in: from the cache, then from an embedder, and on to the cache every second or so."""

from __future__ import annotations

import contextlib
import time
from numbers import Integral
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from embedreg.core.errors import ModelError
from embedreg.core.kept import note_kept
from embedreg.core.progress import progress_bar
from embedreg.core.warn import warn
from embedreg.embed._cache import Lookup
from embedreg.embed._cache_errors import CacheError
from embedreg.embed._dimension import known_dimension

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from embedreg.core.protocols import Embedder
    from embedreg.embed._cache import EmbeddingCache

_STORE_SECONDS = 1.0
"""What is embedded in that time is stored together; it is what `kill -9` can cost."""
_STORE_SECONDS_AT_MOST = 30.0
_STORE_SHARE = 0.02
"""On a slow disk what is stored together grows, so that storing takes no more than this part of the time."""
_ALIKE_SHARE: Final = 0.05
"""From this part of the texts on, having another text's vector is warned of; a pair that differs in case is not."""


class EmbeddingSession:
    """The vectors of distinct texts, as they come from the cache and from the embedder.

    Leaving its context stores what is not stored yet, whatever the reason for leaving. After the cache's
    first error there is one warning, and no more of the cache.

    Attributes
    ----------
    vectors
        Shape (n, d); the rows in `missing` are filled by `add`.
    missing
        Rows that the cache did not have.
    corrupt
        How many of them it had, but damaged.
    stores_each_batch
        Whether what `add` takes is stored at once.
    """

    def __init__(self, embedder: Embedder, texts: Sequence[str], cache: EmbeddingCache | None) -> None:
        self._texts = texts
        self._cache = cache
        self._fingerprint = {} if cache is None else embedder.fingerprint()
        self._model = embedder.name
        self.stores_each_batch = bool(getattr(embedder, "store_each_batch", False))
        found, self.vectors, self.corrupt = self._look_up(self._dimension(embedder))
        self.missing = np.flatnonzero(~found)
        self._pending: list[NDArray[np.intp]] = []
        self._due = time.monotonic() + _STORE_SECONDS

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        self._store()

    def add(self, rows: NDArray[np.intp], vectors: NDArray[np.float32]) -> None:
        """Take the vectors (m, d) of m rows from the embedder."""
        self.vectors[rows] = vectors
        self._pending.append(rows)
        if self.stores_each_batch or time.monotonic() >= self._due:
            self._store()

    def of_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors (n, d) of texts that repeat, and warn if the model does not tell many of them apart."""
        distinct = len(self._texts)
        different = len({hash(vector.tobytes()) for vector in self.vectors}) if distinct > 1 else distinct
        if distinct - different > _ALIKE_SHARE * distinct:
            warn(
                f"{self._model} gives more than 1 in {1 / _ALIKE_SHARE:.0f} of the texts the vector of another text, and"
                " no head can tell those apart. It may not know their words (to minilm a run of more than 100 letters is"
                " one unknown word), or not read capitals or the order of words: try one that does, such as smollm2-135m"
            )
        if distinct == len(texts):
            return self.vectors
        row_of = {text: row for row, text in enumerate(self._texts)}
        return self.vectors[[row_of[text] for text in texts]]

    def _dimension(self, embedder: Embedder) -> int:
        """Return the length of vectors; a service is asked only where the cache does not have any of its vectors."""
        known = None
        with self._giving_up():
            known = known_dimension(embedder, self._cache)
        dimension: Any = embedder.dimension if known is None else known
        if not isinstance(dimension, Integral) or dimension < 1:
            raise ModelError(
                f"dimension {dimension!r} of the embedder {self._model}",
                expected="the length of its vectors, a whole number from 1",
                mend="let its property `dimension` give that (docs/extending.md)",
            )
        return int(dimension)

    def _look_up(self, dimension: int) -> Lookup:
        n = len(self._texts)
        lookup = Lookup(np.zeros(n, np.bool_), np.zeros((n, dimension), np.float32), corrupt=0)
        if self._cache is None:
            return lookup
        with self._giving_up():
            lookup = self._cache.get(self._fingerprint, dimension, self._texts)
        if lookup.found.any():
            note_kept("embeddings")
        if lookup.corrupt:
            warn(
                f"{lookup.corrupt} vectors in the embedding cache in {self._cache.directory} were missing or"
                " damaged; they are embedded again (`embedreg cache verify` checks the rest)"
            )
        return lookup

    def _store(self) -> None:
        if self._cache is None or not self._pending:
            return
        started = time.monotonic()
        rows = np.concatenate(self._pending)
        with self._giving_up():
            texts = [self._texts[i] for i in rows]
            self._cache.put(self._fingerprint, texts, self.vectors[rows], model=self._model)
            note_kept("embeddings")
        self._pending.clear()
        now = time.monotonic()
        pause = max(_STORE_SECONDS, (now - started) / _STORE_SHARE)
        self._due = now + min(pause, _STORE_SECONDS_AT_MOST)

    @contextlib.contextmanager
    def _giving_up(self) -> Iterator[None]:
        """Go on without the cache after an error of it."""
        try:
            yield
        except CacheError as error:
            self._cache = None
            warn(f"embedding goes on without its cache: {error}")


@contextlib.contextmanager
def text_progress(total: int, description: str) -> Iterator[Callable[[int], object]]:
    """Give a function that moves a progress bar on, which is not shown when there is nothing to do."""
    if not total:
        yield lambda _: None
        return
    with progress_bar(total, description, "text") as bar:
        yield bar.update
