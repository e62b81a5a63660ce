"""CatBoost with its default settings and its own handling of categories and texts.

The number of trees is chosen on validation rows by early stopping, and as many are grown again on all rows. A column of
strings is a text if its strings have 4 words or more on average and over half of them differ, else a category; molecules and
sequences without spaces are one column of letters in a row, since CatBoost splits texts at spaces.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.quality.methods._base import Fitted, Method, Parts
from benchmarks.quality.methods._frames import TEXT, frame

if TYPE_CHECKING:
    import pandas as pd

    from embedreg.core.records import Record

PATIENCE = 50
MOST_TREES = 1000  # CatBoost's default
WORDS = 4
DISTINCT = 0.5


class _Columns:
    """Which columns are numbers, categories and texts, by the training rows."""

    def __init__(self, records: list[Record]) -> None:
        table = frame(records)
        self.names = list(table.columns)
        strings = [name for name in self.names if not _is_numeric(table[name])]
        self.texts = [name for name in strings if _is_text(table[name]) or name == TEXT]
        self.categories = [name for name in strings if name not in self.texts]
        self.spelt = [name for name in self.texts if _words(table[name]) < WORDS]

    def table(self, records: list[Record]) -> pd.DataFrame:
        import pandas as pd  # noqa: PLC0415 (in the extra `benchmarks`)

        table = frame(records, self.names)
        for name in (*self.texts, *self.categories):
            table[name] = table[name].map(_written)
        for name in self.spelt:
            table[name] = table[name].map(" ".join)
        for name in self.names:
            if (
                name not in self.texts and name not in self.categories
            ):  # a word that training rows have not is missing
                table[name] = pd.to_numeric(table[name], errors="coerce").astype("float64")
        return table


def _is_numeric(column: pd.Series) -> bool:
    return all(value is None or isinstance(value, int | float) for value in column.tolist())


def _written(value: Any) -> str:
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    return "" if missing else str(value)


def _words(column: pd.Series) -> float:
    return float(np.mean([len(_written(value).split()) for value in column]))


def _is_text(column: pd.Series) -> bool:
    return _words(column) >= WORDS and column.nunique() > DISTINCT * len(column)


def _fit(parts: Parts, seed: int) -> Fitted:
    from catboost import CatBoostRegressor, Pool  # noqa: PLC0415 (in the extra `benchmarks`)

    columns = _Columns(parts.train.records)
    kinds = {"cat_features": columns.categories or None, "text_features": columns.texts or None}
    fixed = {"random_seed": seed, "verbose": False, "allow_writing_files": False}
    train, validation = (
        Pool(columns.table(part.records), part.y, **kinds) for part in (parts.train, parts.validation)
    )
    chosen = CatBoostRegressor(iterations=MOST_TREES, early_stopping_rounds=PATIENCE, **fixed)
    chosen.fit(train, eval_set=validation)
    trees = chosen.get_best_iteration() + 1
    rate = chosen.get_all_params()["learning_rate"]  # which CatBoost chooses by the number of trees
    known = parts.known
    model = CatBoostRegressor(iterations=trees, learning_rate=rate, **fixed)
    model.fit(Pool(columns.table(known.records), known.y, **kinds))

    def predict(records: list[Record]) -> np.ndarray:
        return np.asarray(model.predict(Pool(columns.table(records), **kinds)), dtype=np.float64)

    return Fitted(predict, chosen={"trees": trees, "learning_rate": round(float(rate), 4)})


CATBOOST = Method(
    "catboost",
    _fit,
    packages=("catboost", "pandas"),
    settings={"version": 1, "patience": PATIENCE, "words": WORDS, "distinct": DISTINCT},
)
