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
        self._missing = np.diff(self.windows.starts)

    def add(
        self, batch: NDArray[np.int64], parts: NDArray[np.float32]
    ) -> tuple[list[int], list[NDArray[np.float32]]]:
        """Take a batch of windows and return the positions and vectors of the texts it completes."""
        positions, vectors = [], []
        for window, part in zip(batch.tolist(), parts, strict=True):
            text = self.windows.text[window]
            self._parts[window] = part
            self._missing[text] -= 1
            if self._missing[text] == 0:
                positions.append(text)
                vectors.append(self._vector(text))
        return positions, vectors

    def _vector(self, text: int) -> NDArray[np.float32]:  # (d,)
        """Pool over the windows in their order, so that the order of batches changes nothing."""
        own = range(self.windows.starts[text], self.windows.starts[text + 1])
        parts = np.stack([self._parts.pop(window) for window in own]).astype(np.float64)
        return self.pooling.over_text(parts, self.lengths[own.start : own.stop]).astype(np.float32)
