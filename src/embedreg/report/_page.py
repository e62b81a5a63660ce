"""The HTML page of a comparison: one file that needs no network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedreg.core.files import output_errors
from embedreg.report._context import page_context
from embedreg.report._downloads import data_files
from embedreg.report._rendering import markup, render, require_report_packages, write_text

if TYPE_CHECKING:
    from embedreg.study.result import Comparison


def write_comparison_report(comparison: Comparison, path: Path) -> Path:
    """Write a comparison as one self-contained HTML page.

    The page loads nothing: styles, figures (SVG) and the numbers behind them (CSV, JSON) are inside it. The
    same comparison gives the same bytes.

    Parameters
    ----------
    comparison
        What the study found.
    path
        Where to; its folder must exist. A file that is there is replaced, whole or not at all.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    UsageError
        If the packages of the extra `report` (Jinja2, matplotlib) are not installed.
    OutputError
        If the file cannot be written.
    """
    require_report_packages()
    path = Path(path)
    write_text(path, render("comparison.html", page_context(comparison) | {"figures": _figures(comparison)}))
    return path


def save_comparison(comparison: Comparison, directory: Path) -> Path:
    """Write the page and, beside it, the files with all numbers that the page offers for download.

    Parameters
    ----------
    comparison
        What the study found.
    directory
        Where to; made if it is not there.

    Returns
    -------
    Path
        The page, `report.html` in `directory`.

    Raises
    ------
    UsageError
        If the packages of the extra `report` (Jinja2, matplotlib) are not installed.
    OutputError
        If a file cannot be written.
    """
    require_report_packages()
    directory = Path(directory)
    with output_errors(directory):
        directory.mkdir(parents=True, exist_ok=True)
    for file in data_files(comparison).values():
        write_text(directory / file.name, file.text)
    return write_comparison_report(comparison, directory / "report.html")


def _figures(comparison: Comparison) -> dict[str, Any]:
    """Return the figures as markup by name; a prediction panel for each of the two best methods."""
    from embedreg.report import _figures as draw  # noqa: PLC0415 (needs matplotlib)

    kendall, factors = draw.kendall_by_method(comparison), draw.lipschitz_factors(comparison)
    panels = [
        markup(
            draw.predicted_against_actual(comparison, name), f"panel{i}", f"Predicted against actual: {name}"
        )
        for i, name in enumerate(dict.fromkeys([comparison.best_embedding, comparison.best_tabular]))
    ]
    return {
        "kendall": markup(
            kendall, "kendall", "Kendall tau by method, with 95% intervals, as in the table below"
        ),
        "panels": panels,
        "factors": markup(factors, "factors", "Share of training rows up to each Lipschitz factor"),
    }
