"""The HTML page of a comparison: one file that needs no network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedreg.report._context import page_context
from embedreg.report._downloads import COMPARISON_PAGE, data_files
from embedreg.report._html import figure_markup, rendered, require_report_packages, save_page, write_text

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
    write_text(path, _rendered(comparison))
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
    path = Path(directory) / COMPARISON_PAGE
    save_page(path, _rendered(comparison), data_files(comparison).values())
    return path


def _rendered(comparison: Comparison) -> str:
    return rendered("comparison.html", **page_context(comparison), figures=_figures(comparison))


def _figures(comparison: Comparison) -> dict[str, Any]:
    """Return the figures as markup by name; a prediction panel for each of the two best methods."""
    from embedreg.report import _figures as draw

    kendall, factors = draw.kendall_by_method(comparison), draw.lipschitz_factors(comparison)
    panels = [
        figure_markup(
            draw.predicted_against_actual(comparison, name), f"panel{i}", f"Predicted against actual: {name}"
        )
        for i, name in enumerate(dict.fromkeys([comparison.best_embedding, comparison.best_tabular]))
    ]
    return {
        "kendall": figure_markup(
            kendall, "kendall", "Kendall tau by method, with 95% intervals, as in the table below"
        ),
        "panels": panels,
        "factors": figure_markup(factors, "factors", "Share of training rows up to each Lipschitz factor"),
    }
