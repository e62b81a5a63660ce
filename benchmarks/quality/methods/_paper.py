"""The recipe of arXiv 2411.14708: JSON, the last layer's mean, and its sweep of MLPs chosen on validation rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.quality.methods._base import DTYPE, Fitted, Method, Parts
from embedreg import TextEmbedder
from embedreg.heads import make_head

if TYPE_CHECKING:
    import numpy as np

    from embedreg.core.records import Record


def _fit(parts: Parts, seed: int) -> Fitted:
    embedder = TextEmbedder(dtype=DTYPE).fit(parts.train.records)
    validation = (embedder.transform(parts.validation.records), parts.validation.y)
    head = make_head("mlp", random_state=seed)
    head.fit(embedder.transform(parts.train.records), parts.train.y, validation=validation)

    def predict(records: list[Record]) -> np.ndarray:
        return head.predict(embedder.transform(records))

    return Fitted(predict, chosen=dict(head.chosen_))


PAPER = Method("paper", _fit, settings={"version": 1, "embedder": "minilm", "head": "mlp"})
