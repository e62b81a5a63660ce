"""All numbers of a comparison as files: beside a page, and inside its links."""

from __future__ import annotations

import base64
import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from embedreg.core.records import native

if TYPE_CHECKING:
    from embedreg.study.result import Comparison

COMPARISON_PAGE: Final = "report.html"
_NAMES: Final = {
    "comparison": "comparison.json",
    "settings": "settings.json",
    "methods": "methods.csv",
    "seeds": "rows.csv",
    "predictions": "predictions_first_seed.csv",
    "factors": "lipschitz_factors.csv",
}
COMPARISON_FILES: Final = (COMPARISON_PAGE, *_NAMES.values())
"""The names of the files that `save_comparison` writes."""


@dataclass(frozen=True)
class DataFile:
    """A file of numbers.

    Attributes
    ----------
    name
        The file's name.
    media_type
        For a link.
    text
        What is in it.
    """

    name: str
    media_type: str
    text: str

    @property
    def href(self) -> str:
        """A data URI, in base64: no user's text can end the attribute that holds it."""
        encoded = base64.b64encode(self.text.encode(errors="backslashreplace")).decode()
        return f"data:{self.media_type};charset=utf-8;base64,{encoded}"


def data_files(comparison: Comparison) -> dict[str, DataFile]:
    """Return the files by what they hold."""
    return {
        "comparison": json_file(_NAMES["comparison"], comparison_json(comparison)),
        "settings": json_file(_NAMES["settings"], as_json(comparison.settings) + "\n"),
        "methods": csv_file(_NAMES["methods"], _methods(comparison)),
        "seeds": csv_file(_NAMES["seeds"], _seeds(comparison)),
        "predictions": csv_file(_NAMES["predictions"], _predictions(comparison)),
        "factors": csv_file(_NAMES["factors"], _factors(comparison)),
    }


def comparison_json(comparison: Comparison) -> str:
    """Return all of a comparison as one strict JSON document."""
    return as_json(comparison.to_json()) + "\n"


def as_json(value: Any) -> str:
    """Return strict JSON. What it has no word for (NaN, infinity) becomes null.

    Examples
    --------
    >>> print(as_json({"r2": float("nan"), "seeds": (0, 1)}))
    {
     "r2": null,
     "seeds": [
      0,
      1
     ]
    }
    """
    return json.dumps(_json_value(native(value)), indent=1, ensure_ascii=False, allow_nan=False, default=str)


def _json_value(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _json_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json_value(item) for item in value]
    return value


def json_file(name: str, text: str) -> DataFile:
    """Return a JSON document as a file."""
    return DataFile(name, "application/json", text)


def csv_file(name: str, rows: Iterable[Sequence[Any]]) -> DataFile:
    """Return rows, the heading first, as a file of comma-separated values."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return DataFile(name, "text/csv", buffer.getvalue())


def _methods(comparison: Comparison) -> Iterable[Sequence[Any]]:
    """Give a row a method and metric; the difference in Kendall tau and its p values have rows too."""
    yield ["method", "representation", "head", "dimension", "seconds", "metric", "mean", "low", "high"]
    for method in comparison.methods:
        about = [method.name, method.representation, method.head, method.dimension, method.seconds]
        for key, found in method.metrics.items():
            yield [*about, key, found.mean, found.low, found.high]
        if (difference := method.difference) is not None:
            yield [
                *about,
                f"difference to {difference.against}",
                difference.mean,
                difference.low,
                difference.high,
            ]
            yield [*about, "p", difference.p, "", ""]
            yield [*about, "p_adjusted", difference.p_adjusted, "", ""]


def _seeds(comparison: Comparison) -> Iterable[Sequence[Any]]:
    yield ["method", "metric", "seed", "value"]
    for method in comparison.methods:
        for key, found in method.metrics.items():
            seeds = comparison.settings.get("seeds", range(len(found.per_seed)))
            for seed, value in zip(seeds, found.per_seed, strict=True):
                yield [method.name, key, seed, value]


def _predictions(comparison: Comparison) -> Iterable[Sequence[Any]]:
    yield list(comparison.predictions)
    yield from zip(*comparison.predictions.values(), strict=True)


def _factors(comparison: Comparison) -> Iterable[Sequence[Any]]:
    yield ["representation", "lipschitz_factor"]
    for name, found in comparison.smoothness.items():
        for factor in found.factors:
            yield [name, factor]
