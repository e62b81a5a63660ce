"""sentence-transformers (all-MiniLM-L6-v2, the weights that ours has) on the record as JSON, and scikit-learn's RidgeCV.

As its users meet it: texts beyond the 256 tokens that the model states are cut off, vectors have norm 1. The penalty is chosen
by leave-one-out on training and validation rows.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.linear_model import RidgeCV

from benchmarks.quality.methods._base import Fitted, Method, Parts
from embedreg.embed import pull
from embedreg.serialize import make_serializer, serialize_records

if TYPE_CHECKING:
    from embedreg.core.records import Record

PENALTIES = [10.0**power for power in range(-8, 4)]


@functools.cache
def _model() -> Any:
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415 (in the extra `benchmarks`)

    return SentenceTransformer(str(pull("minilm", quiet=True)), device="cpu")


def _encode(records: list[Record]) -> np.ndarray:
    texts = serialize_records(make_serializer("json"), records)
    return np.asarray(_model().encode(texts, show_progress_bar=False), dtype=np.float64)


def _fit(parts: Parts, seed: int) -> Fitted:  # noqa: ARG001 (all methods take it)
    known = parts.known
    ridge = RidgeCV(alphas=PENALTIES).fit(_encode(known.records), known.y)

    def predict(records: list[Record]) -> np.ndarray:
        return np.asarray(ridge.predict(_encode(records)))

    return Fitted(predict, chosen={"penalty": float(ridge.alpha_)})


SENTENCE_TRANSFORMERS = Method(
    "st-ridge",
    _fit,
    packages=("sentence_transformers",),
    settings={"version": 1, "penalties": PENALTIES},
)
