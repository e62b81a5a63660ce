"""Vectors that are remembered within `each_text_once`, where no cache keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from embedreg.core.each_text_once import remembered
from embedreg.embed._cache_space import canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from embedreg.core.protocols import Embedder


class RememberedVectors:
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


def remembered_vectors() -> RememberedVectors | None:
    """Return the vectors that are remembered here, or None outside of `each_text_once`."""
    memory = remembered()
    if memory is None:
        return None
    found: RememberedVectors = memory.setdefault(RememberedVectors, RememberedVectors())
    return found
