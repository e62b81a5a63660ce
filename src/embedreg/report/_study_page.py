"""The HTML page of a study: each published result beside what was found, in one file that needs no network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embedreg.report._downloads import DataFile, csv_file
from embedreg.report._html import figure_markup, rendered, require_report_packages, save_page

if TYPE_CHECKING:
    from pathlib import Path

    from embedreg.study.findings import Finding
    from embedreg.study.grid import Plan, StudySpec


def write_study_report(
    spec: StudySpec,
    plan: Plan,
    found: list[Finding],
    rows: list[dict[str, Any]],
    means: list[dict[str, Any]],
    path: Path,
) -> Path:
    """Write a study's findings as one self-contained HTML page.

    Parameters
    ----------
    spec, plan
        What was to be run, and how much of it is finished.
    found
        From `embedreg.study.findings.findings`.
    rows, means
        From `finished_rows` and `study_means`; they can be downloaded from the page.
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
        spec=spec,
        cells=len(plan.keys),
        finished=len(plan.done),
        failed=len(plan.failed),
        findings=[_shown(finding) for finding in found],
        files={"rows": _table("rows.csv", rows), "means": _table("means.csv", means)},
        means=means,
    )
    save_page(path, page)
    return path


def _shown(finding: Finding) -> dict[str, Any]:
    """Return a finding as the template takes it, with its figure and its numbers as a file."""
    numbers = csv_file(f"result_{finding.number}.csv", [finding.columns, *finding.table])
    return {"finding": finding, "figure": _figure(finding), "numbers": numbers}


def _figure(finding: Finding) -> Any:
    from embedreg.report._study_figures import finding_figure

    if finding.chart is None:
        return None
    label = f"{finding.title}: {finding.chart.y_label} by {finding.chart.x_label}, as in the table below"
    return figure_markup(finding_figure(finding.chart), f"result{finding.number}", label)


def _table(name: str, rows: list[dict[str, Any]]) -> DataFile:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    return csv_file(name, [columns, *([row.get(column, "") for column in columns] for row in rows)])
