"""skrub's `tabular_pipeline("regressor")` as it comes, fitted on training and validation rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.quality.methods._base import Fitted, Method, Parts
from benchmarks.quality.methods._frames import frame

if TYPE_CHECKING:
    from embedreg.core.records import Record


def _fit(parts: Parts, seed: int) -> Fitted:
    from skrub import tabular_pipeline  # noqa: PLC0415 (in the extra `benchmarks`)

    known = parts.known
    table = frame(known.records)
    model = tabular_pipeline("regressor")
    model[-1].set_params(random_state=seed)
    model.fit(table, known.y)

    def predict(records: list[Record]) -> np.ndarray:
        return np.asarray(model.predict(frame(records, list(table.columns))), dtype=np.float64)

    return Fitted(predict)


SKRUB = Method("skrub", _fit, packages=("skrub", "pandas"), settings={"version": 1})
