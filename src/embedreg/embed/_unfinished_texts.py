"""Texts of several windows, whose windows come in any order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from embedreg.embed._pooling import Pooling
    from embedreg.embed._windows import Windows


@dataclass
class UnfinishedTexts:
    """Keeps what was pooled from windows until all windows of their text are there.

    Attributes
    ----------
    windows
        Of all texts.
    lengths
        Tokens in each window, shape (windows,).
    pooling
        How the windows of a text are put together.
    """

    windows: Windows
    lengths: NDArray[np.int64]
    pooling: Pooling

    def __post_init__(self) -> None:
        self._parts: dict[int, NDArray[np.float32]] = {}
        self._text = np.array(self.windows.text, dtype=np.int64)  # (windows,)
        self._count = np.diff(self.windows.starts)
        self._missing = self._count.copy()

    def add(
        self, batch: NDArray[np.int64], parts: NDArray[np.float32]
    ) -> tuple[list[int], list[NDArray[np.float32]]]:
        """Take a batch of windows and return the texts it completes: their positions, and blocks of vectors (n, d) of them."""
        alone = self._count[self._text[batch]] == 1  # most texts are one window: they are done together
        positions: list[int] = self._text[batch[alone]].tolist()
        blocks = [self._pooled(batch[alone, None], parts[alone, None])] if positions else []
        for window, part in zip(batch[~alone].tolist(), parts[~alone], strict=True):
            text = int(self._text[window])
            self._parts[window] = part
            self._missing[text] -= 1
            if self._missing[text] == 0:
                positions.append(text)
                blocks.append(self._of_several(text))
        return positions, blocks

    def _of_several(self, text: int) -> NDArray[np.float32]:  # (1, d)
        """Pool over the windows in their order, so that the order of batches changes nothing."""
        own = np.arange(self.windows.starts[text], self.windows.starts[text + 1])
        return self._pooled(own[None], np.stack([self._parts.pop(window) for window in own.tolist()])[None])

    def _pooled(self, windows: NDArray[np.int64], parts: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the vectors (n, d) of texts with the windows (n, w)."""
        several = parts.shape[1] > 1  # only then is there something to add up
        exact = parts.astype(np.float64) if several else parts
        return self.pooling.over_text(exact, self.lengths[windows]).astype(np.float32)
