"""Vectors that are remembered for the time of one piece of work where no cache keeps them."""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from typing import TYPE_CHECKING

import numpy as np

from embedreg.embed._cache_space import canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from embedreg.core.protocols import Embedder


class Remembered:
    """The vectors of all texts that were embedded since it was made."""

    def __init__(self) -> None:
        self._spaces: dict[str, dict[str, NDArray[np.float32]]] = {}

    def vectors(
        self,
        embedder: Embedder,
        texts: Sequence[str],
        embed: Callable[[list[str]], NDArray[np.float32]],
    ) -> NDArray[np.float32]:
        """Return the vectors (n, d) of n texts, of which `embed` gets those that are new."""
        known = self._spaces.setdefault(canonical(embedder.fingerprint()), {})
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new or not texts:
            found = embed(new)
            known.update(zip(new, found, strict=True))
        return np.stack([known[text] for text in texts]) if texts else found


_REMEMBERED: ContextVar[Remembered | None] = ContextVar("remembered", default=None)


@contextlib.contextmanager
def each_text_once() -> Iterator[None]:
    """Embed a text once within this, though no cache is used and several parts of a model read it; it decorates too.

    Vectors are held in memory until the outermost of nested ones is left.
    """
    if _REMEMBERED.get() is not None:
        yield
        return
    token = _REMEMBERED.set(Remembered())
    try:
        yield
    finally:
        _REMEMBERED.reset(token)


def remembered() -> Remembered | None:
    """Return what is remembered here, or None outside of `each_text_once`."""
    return _REMEMBERED.get()
