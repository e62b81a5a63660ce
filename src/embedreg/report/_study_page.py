"""The HTML page of a study: each published result beside what was found, in one file that needs no network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embedreg.report._downloads import DataFile, csv_file
from embedreg.report._html import figure_markup, rendered, require_report_packages, save_page

if TYPE_CHECKING:
    from pathlib import Path

    from embedreg.study.findings import Chart, Finding, Part
    from embedreg.study.grid import StudyResults


def write_study_report(
    results: StudyResults, found: list[Finding], means: list[dict[str, Any]], path: Path
) -> Path:
    """Write a study's findings as one self-contained HTML page.

    Parameters
    ----------
    results
        What was to be run, and what of it is finished; the rows can be downloaded from the page.
    found
        From `embedreg.study.findings.findings`.
    means
        From `study_means`; they can be downloaded too.
    path
        Where to. A file that is there is replaced, whole or not at all.

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
    page = rendered(
        "study.html",
        study=results,
        findings=[_shown(finding) for finding in found],
        files={"rows": _table("rows.csv", results.rows), "means": _table("means.csv", means)},
        means=means,
    )
    save_page(path, page)
    return path


def _shown(finding: Finding) -> dict[str, Any]:
    """Return a finding as the template takes it, with its figures and its numbers as files."""
    name = f"result_{finding.number}"
    return {
        "finding": finding,
        "figure": finding.chart and _figure(finding.chart, name, finding.title),
        "numbers": csv_file(f"{name}.csv", [finding.columns, *finding.table]),
        "parts": [_part(part, f"{name}_{number}") for number, part in enumerate(finding.parts, start=2)],
    }


def _part(part: Part, name: str) -> dict[str, Any]:
    return {
        "part": part,
        "figure": part.panels and _figure(part.panels, name, part.title),
        "numbers": csv_file(f"{name}.csv", [part.columns, *part.table]),
    }


def _figure(drawn: Chart | dict[str, Chart], name: str, title: str) -> Any:
    from embedreg.report._study_figures import finding_figure, panels_figure

    figure = panels_figure(drawn) if isinstance(drawn, dict) else finding_figure(drawn)
    chart = next(iter(drawn.values())) if isinstance(drawn, dict) else drawn
    label = f"{title}: {chart.y_label} by {chart.x_label}, as in the table below"
    return figure_markup(figure, name, label)


def _table(name: str, rows: list[dict[str, Any]]) -> DataFile:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    return csv_file(name, [columns, *([row.get(column, "") for column in columns] for row in rows)])
