"""The HTML page of `embedreg smoothness`: one file that needs no network."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from embedreg.report._downloads import as_json
from embedreg.report._html import figure_markup, rendered, require_report_packages, save_page
from embedreg.report._numbers import figures, typeset
from embedreg.report._smoothness_files import SMOOTHNESS_PAGE, smoothness_files
from embedreg.report._smoothness_table import NAMES, gap_in_words, rows_used
from embedreg.smoothness import rugged_surface

if TYPE_CHECKING:
    from collections.abc import Mapping

    from embedreg.report._smoothness_files import SmoothnessFacts
    from embedreg.smoothness import RepresentationSmoothness, RuggedSurface


def save_smoothness(found: RepresentationSmoothness, facts: SmoothnessFacts, directory: Path) -> Path:
    """Write the page and, beside it, the files with all numbers that the page offers for download.

    Parameters
    ----------
    found
        From `embedreg.smoothness.compare_smoothness`.
    facts
        On the data.
    directory
        Where to; made if it is not there.

    Returns
    -------
    Path
        The page, `smoothness.html` in `directory`.

    Raises
    ------
    UsageError
        If the packages of the extra `report` (Jinja2, matplotlib) are not installed.
    OutputError
        If a file cannot be written.
    """
    require_report_packages()
    page = Path(directory) / SMOOTHNESS_PAGE
    seed = int(facts.settings.get("seed", 0))
    surfaces = {name: rugged_surface(v, found.y, seed=seed) for name, v in found.vectors.items()}
    files = smoothness_files(found, facts, surfaces)
    drawn = _figures(found, facts, surfaces)
    text = rendered("smoothness.html", **_context(found, facts), files=files, figures=drawn)
    save_page(page, text, files.values())
    return page


def _context(found: RepresentationSmoothness, facts: SmoothnessFacts) -> dict[str, Any]:
    return {
        "facts": facts,
        "file_name": PurePath(facts.path).name,
        "sentence": found.sentence,
        "prediction": found.prediction.replace("`", ""),
        "gap": typeset(gap_in_words(found.gap)).replace(" -", " \N{MINUS SIGN}"),
        "scaling": found.distributions["embedding"].scaling,
        "small_facts": {
            "rows": rows_used(found),
            "model": facts.model,
            "embedreg": (facts.settings.get("versions") or {}).get("embedreg", ""),
        },
        "rows": [
            {
                "name": NAMES[name],
                "kind": name,
                "cells": [
                    typeset(figures(nlfd.mean)),
                    typeset(figures(nlfd.deviation)),
                    f"{nlfd.repeated:,}",
                    f"{nlfd.without_factor:,}",
                    f"{found.vectors[name].shape[1]:,}",
                ],
            }
            for name, nlfd in found.distributions.items()
        ],
        "settings_json": as_json(facts.settings),
    }


def _figures(
    found: RepresentationSmoothness, facts: SmoothnessFacts, surfaces: Mapping[str, RuggedSurface]
) -> dict[str, Any]:
    from embedreg.report import _smoothness_figures as draw

    label = "Histograms of the Lipschitz factors over the embedding and over traditional features"
    return {
        "factors": figure_markup(draw.factor_histograms(found.distributions), "factors", label),
        "surfaces": [
            figure_markup(
                draw.rugged_surface_figure(surface, title=NAMES[name], target=facts.target),
                f"surface{i}",
                f"Records in the plane by {surface.method} of {NAMES[name]}, coloured by the target",
            )
            for i, (name, surface) in enumerate(surfaces.items())
        ],
    }
