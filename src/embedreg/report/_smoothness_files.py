"""All numbers behind a page on smoothness, as files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from embedreg.report._downloads import DataFile, as_json, csv_file, json_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from embedreg.smoothness import RepresentationSmoothness, RuggedSurface

SCHEMA: Final = 1
SMOOTHNESS_PAGE: Final = "smoothness.html"
_NAMES: Final = {
    "smoothness": "smoothness.json",
    "factors": "smoothness_factors.csv",
    "surfaces": "rugged_surfaces.csv",
}
SMOOTHNESS_FILES: Final = (SMOOTHNESS_PAGE, *_NAMES.values())
"""The names of the files that `save_smoothness` writes."""


@dataclass(frozen=True)
class SmoothnessFacts:
    """Where the records came from and how they were looked at.

    Attributes
    ----------
    path, sha256
        The file and its hash.
    target
        The column that is predicted.
    input
        How a row becomes a record, in words.
    model
        The language model's name.
    command
        The command line to repeat it; empty if there is none.
    settings
        Everything else that is needed to repeat it.
    """

    path: str
    sha256: str
    target: str
    input: str
    model: str
    command: str = ""
    settings: dict[str, Any] = field(default_factory=dict)


def smoothness_json(found: RepresentationSmoothness, facts: SmoothnessFacts) -> str:
    """Return what was found as one strict JSON document; single factors are left to the CSV file."""
    return as_json(_document(found, facts)) + "\n"


def smoothness_files(
    found: RepresentationSmoothness, facts: SmoothnessFacts, surfaces: Mapping[str, RuggedSurface]
) -> dict[str, DataFile]:
    """Return the files by what they hold."""
    return {
        "smoothness": json_file(_NAMES["smoothness"], smoothness_json(found, facts)),
        "factors": csv_file(_NAMES["factors"], _factors(found)),
        "surfaces": csv_file(_NAMES["surfaces"], _surfaces(found, surfaces)),
    }


def _document(found: RepresentationSmoothness, facts: SmoothnessFacts) -> dict[str, Any]:
    gap = found.gap
    return {
        "schema": SCHEMA,
        "data": {
            "path": facts.path,
            "sha256": facts.sha256,
            "target": facts.target,
            "input": facts.input,
            "rows": found.records,
            "rows_used": len(found.rows),
            "distinct_inputs": found.distinct_inputs,
        },
        "settings": {"command": facts.command, "model": facts.model} | facts.settings,
        "representations": {
            name: {
                "dimension": found.vectors[name].shape[1],
                "mean": nlfd.mean,
                "deviation": nlfd.deviation,
                "repeated": nlfd.repeated,
                "without_factor": nlfd.without_factor,
                "scaling": nlfd.scaling,
            }
            for name, nlfd in found.distributions.items()
        },
        "smoothness_gap": {"value": gap.gap, "low": gap.low, "high": gap.high, "level": gap.level},
        "smoothness_sentence": found.sentence,
        "smoothness_prediction": found.prediction,
    }


def _factors(found: RepresentationSmoothness) -> Iterable[Sequence[Any]]:
    yield ["row", "y", *(f"{name}_factor" for name in found.distributions)]
    factors = (nlfd.factors for nlfd in found.distributions.values())
    yield from zip(found.rows, found.y, *factors, strict=True)


def _surfaces(
    found: RepresentationSmoothness, surfaces: Mapping[str, RuggedSurface]
) -> Iterable[Sequence[Any]]:
    yield ["representation", "method", "row", "y", "horizontal", "vertical"]
    for name, surface in surfaces.items():
        for row, y, (x1, x2) in zip(found.rows[surface.rows], surface.y, surface.points, strict=True):
            yield [name, surface.method, row, y, x1, x2]
