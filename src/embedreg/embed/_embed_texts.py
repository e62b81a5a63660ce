"""texts -> vectors: each distinct text embedded once, and never again while the cache has it."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from embedreg.core.errors import DataError, ModelError, UsageError
from embedreg.embed._embedding_session import EmbeddingSession, text_progress
from embedreg.embed._remembered_vectors import remembered_vectors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from embedreg.core.protocols import Embedder
    from embedreg.embed._cache import EmbeddingCache

TEXTS_AT_ONCE = 32_768
"""Texts given to an embedder at once, which may have to hold the vectors of them all."""


@dataclass(frozen=True)
class EmbedReport:
    """How vectors came about.

    Attributes
    ----------
    texts
        Given.
    distinct
        Different ones among them.
    from_cache, embedded
        How many of the distinct ones were found in the cache, and how many the model embedded.
    corrupt
        How many of those embedded had been in the cache, but were missing or changed there.
    seconds
        Wall time.
    """

    texts: int
    distinct: int
    from_cache: int
    embedded: int
    corrupt: int
    seconds: float


def embed_texts(
    embedder: Embedder,
    texts: Sequence[str],
    *,
    cache: EmbeddingCache | None = None,
    progress: bool = True,
    description: str = "embedding",
) -> NDArray[np.float32]:
    """Embed texts, each distinct one once, and only those that the cache does not have.

    What is embedded is stored every second or so, and also when an error or Ctrl-C ends the call. An
    embedder with a true attribute `store_each_batch` gets all texts at once, and each batch is stored before
    the next one is asked for: so it is with services, which are paid for. A cache that cannot be used costs a
    warning and nothing else.

    Parameters
    ----------
    embedder
        Text -> vector.
    texts
        n texts.
    cache
        Where vectors are kept; None keeps none, but for what is remembered within `each_text_once`.
    progress
        Whether to show a progress bar over the texts to be embedded.
    description
        What it says.

    Returns
    -------
    ndarray of shape (n, d)
        A row for each text, in their order.

    Raises
    ------
    UsageError
        If `texts` is a single text.
    DataError
        If one of `texts` is no text.
    ModelError
        If the embedder gives vectors of another shape, that are not finite, or not one for each text.

    Warns
    -----
    EmbedregWarning
        If the cache cannot be used, or had entries that were damaged; if the model gives many different texts the
        same vector.

    Examples
    --------
    >>> import numpy as np
    >>> class Lengths:
    ...     name, dimension = "lengths", 1
    ...     def fingerprint(self):
    ...         return {"model": self.name}
    ...     def embed_batches(self, texts):
    ...         yield list(range(len(texts))), np.array([[len(t)] for t in texts], dtype=np.float32)
    >>> embed_texts(Lengths(), ["a", "abc", "a"], progress=False)
    array([[1.], [3.], [1.]], dtype=float32)
    """
    refuse_other_than_texts(texts)

    def embed(some: Sequence[str]) -> NDArray[np.float32]:
        return embed_texts_with_report(
            embedder, some, cache=cache, progress=progress, description=description
        )[0]

    memory = remembered_vectors() if cache is None else None
    return embed(texts) if memory is None else memory.vectors(embedder, texts, embed)


def embed_texts_with_report(
    embedder: Embedder,
    texts: Sequence[str],
    *,
    cache: EmbeddingCache | None = None,
    progress: bool = True,
    description: str = "embedding",
) -> tuple[NDArray[np.float32], EmbedReport]:
    """Embed texts like `embed_texts`, and tell what came from the cache.

    Returns
    -------
    vectors : ndarray of shape (n, d)
        A row for each text.
    report : EmbedReport
        Counts and wall time.
    """
    started = time.perf_counter()
    refuse_other_than_texts(texts)
    distinct = list(dict.fromkeys(texts))
    session = EmbeddingSession(embedder, distinct, cache)
    missing = session.missing
    with text_progress(len(missing) if progress else 0, description) as advance, session:
        size = max(1, len(missing)) if session.stores_each_batch else TEXTS_AT_ONCE
        for start in range(0, len(missing), size):
            chunk = missing[start : start + size]
            for positions, part in _checked_batches(
                embedder, [distinct[i] for i in chunk], session.vectors.shape[1]
            ):
                session.add(chunk[positions], part)
                advance(len(positions))
    report = EmbedReport(
        texts=len(texts),
        distinct=len(distinct),
        from_cache=len(distinct) - len(missing),
        embedded=len(missing),
        corrupt=session.corrupt,
        seconds=time.perf_counter() - started,
    )
    return session.of_texts(texts), report


def refuse_other_than_texts(texts: Sequence[str]) -> None:
    """Refuse a single text, and what is no text."""
    if isinstance(texts, str):
        raise UsageError("one text", expected="a list of texts", mend="wrap it in a list: [text]")
    if not hasattr(texts, "__len__"):
        raise UsageError(f"a {type(texts).__name__} as texts", expected="a list of texts", mend="list(texts)")
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise DataError(
                f"a {type(text).__name__} as text {row}",
                expected="only str",
                mend="serialize records first, with a TextEmbedder or a serializer",
            )


def _checked_batches(
    embedder: Embedder, texts: Sequence[str], dimension: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float32]]]:
    """Yield what the embedder yields, once it is known to be right."""
    given = np.zeros(len(texts), dtype=np.bool_)
    batches: Any = embedder.embed_batches(texts)
    if not isinstance(batches, Iterable):
        raise _not_batches(embedder, f"{type(batches).__name__} as batches")
    for batch in batches:
        positions, vectors = _arrays(embedder, batch)
        _refuse_wrong_positions(embedder, positions, given, dimension)
        if vectors.shape != (len(positions), dimension):
            raise _broken(embedder, f"vectors of shape {vectors.shape} for {len(positions)} texts", dimension)
        _refuse_infinite_vectors(embedder, vectors, [texts[i] for i in positions])
        given[positions] = True
        yield positions, vectors
    if not given.all():
        raise _broken(embedder, f"no vector for {len(given) - given.sum()} of {len(given)} texts", dimension)


def _arrays(embedder: Embedder, batch: Any) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return the positions and vectors of a batch as arrays."""
    try:
        some, part = batch
        positions, vectors = np.asarray(some), np.asarray(part, dtype=np.float32)
    except (TypeError, ValueError, RuntimeError) as error:  # such as a tensor that wants to be detached first
        raise _not_batches(embedder, f"a {type(batch).__name__} as a batch ({error})") from error
    if positions.ndim != 1 or (len(positions) and positions.dtype.kind not in "iu"):
        raise _not_batches(embedder, f"positions {some!r}")
    return positions.astype(np.intp), vectors


def _refuse_wrong_positions(
    embedder: Embedder, positions: NDArray[np.intp], given: NDArray[np.bool_], dimension: int
) -> None:
    inside = (positions >= 0) & (positions < len(given))
    if not inside.all():
        what = f"a vector for position {positions[~inside][0]} of {len(given)} texts"
        raise _broken(embedder, what, dimension)
    if given[positions].any() or len(np.unique(positions)) < len(positions):
        raise _broken(embedder, "two vectors for one text", dimension)


def _refuse_infinite_vectors(embedder: Embedder, vectors: NDArray[np.float32], texts: Sequence[str]) -> None:
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        text = texts[int(np.argmin(finite))]
        raise ModelError(
            f"a vector with NaN or infinity from {embedder.name} for the text {textwrap.shorten(text, 80)!r}",
            expected="finite numbers only",
            mend="compute in float32, or use another model",
        )


def _broken(embedder: Embedder, what: str, dimension: int) -> ModelError:
    return ModelError(
        f"{what} from {embedder.name}",
        expected=f"one vector of dimension {dimension} for each text",
        mend="this is a mistake in the embedder: report it to whoever made it. A service whose model was changed behind its"
        " name needs `embedreg cache clear`, as the cache has vectors of the earlier one",
    )


def _not_batches(embedder: Embedder, what: str) -> ModelError:
    return ModelError(
        f"{what} from {embedder.name}",
        expected="(positions, vectors) of each batch from embed_batches(texts): whole numbers, and an array of numbers (m, d)",
        mend="yield such pairs (docs/extending.md)",
    )
