"""The section "The study" of docs/results.md and its figures, from the rows that `embedreg study export` wrote."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedreg.report._study_figures import finding_figure, panels_figure
from embedreg.report._style import PALETTE, to_svg
from embedreg.study.findings import StudyData, findings
from embedreg.study.grid import Estimate, StudyResults, read_results

if TYPE_CHECKING:
    from embedreg.study.findings import Chart, Finding, Part

EXPORT = "study_paper.parquet"
_PRESETS = Path(__file__).parents[1] / "src" / "embedreg" / "study" / "grid" / "presets"


def study_section(path: Path) -> tuple[str, dict[str, str]]:
    """Return the section, and by name the digest of each figure that it shows with the figure's text."""
    results = read_results(path)
    found = findings(StudyData.of(results))
    figures: dict[str, Any] = {}
    parts = [_head(results, found), *(_finding(finding, figures) for finding in found)]
    return "\n".join(parts), {name: _svg(drawn) for name, drawn in figures.items()}


def numbers_of(svg: str) -> str:
    """Return the line of a figure that names its numbers: the same numbers are drawn differently by other versions of matplotlib."""
    return svg.rstrip().rpartition("\n")[2]


def _head(results: StudyResults, found: list[Finding]) -> str:
    hours = sum(row["seconds"] for row in results.rows) / 3600
    left = results.cells - len(results.rows)
    state = (
        "All are finished."
        if not left
        else f"{left:,} are not run yet: the numbers below are those of the finished ones alone."
    )
    lines = [
        "## The study\n",
        "Each result of [arXiv 2411.14708](https://arxiv.org/abs/2411.14708) beside what its experiment says on open models. A verdict "
        "follows from the numbers by the rule beside it ([studies](studies.md#verdicts)); intervals are 95% (Student's t) over tasks, seeds averaged; those of correlations come from a bootstrap over tasks.\n",
        f"Made by embedreg {results.version}, preset `{results.name}`, exported on {results.date}{_on(results.machine)}: "
        f"{len(results.rows):,} of {results.cells:,} cells, {hours:.1f} hours of fitting. {state} 500 rows (split 8-1-1) unless a table says "
        f"otherwise; the embedding held against the paper is `{results.subject}`. "
        f"{_how(results.name)}`embedreg study report benchmarks/results/{EXPORT}` makes the page with all numbers as files. The embeddings are those of the "
        "engine's first version; in bfloat16 today's differ from them in their last digits, so a cell that is run anew has another key and another number.\n",
        "| result | what it is about | verdict |",
        "|---|---|---|",
        *(f"| {f.number} | [{f.title}](#{_anchor(f)}) | {f.verdict} |" for f in found),
    ]
    return "\n".join([*lines, ""])


def _how(name: str) -> str:
    """Say what the preset gives to the perceptrons, and how many seeds its parts have."""
    path = _PRESETS / f"{name}.toml"
    if not path.is_file():
        return ""
    spec = tomllib.loads(path.read_text("utf-8"))
    seeds = sorted({block["seeds"] for block in spec["blocks"]})
    return (
        f"The perceptrons stop early after {spec['heads']['mlp']['patience']} epochs without a better validation error; parts of the study have "
        f"{seeds[0]} to {seeds[-1]} seeds, as [the preset](../src/embedreg/study/grid/presets/{name}.toml) says. "
    )


def _on(machine: str) -> str:
    return f", run on {machine}" if machine else ""


def _heading(finding: Finding) -> str:
    return f"{finding.number}. {finding.title}"


def _anchor(finding: Finding) -> str:
    """Return the name that GitHub gives to the heading."""
    kept = (c for c in _heading(finding).lower() if c.isalnum() or c in " -")
    return "".join(kept).replace(" ", "-")


def _finding(finding: Finding, figures: dict[str, Any]) -> str:
    lines = [
        f"### {_heading(finding)}\n",
        f"- The paper: {finding.paper}",
        f"- Here: {finding.sentence}.",
        f"- Rule: {finding.rule}",
        f"- Verdict: **{finding.verdict}**\n",
    ]
    if finding.chart:
        lines.append(_shown(f"study_{finding.number}.svg", finding.title, finding.chart, figures))
    if finding.table:
        lines.append(_table(finding.columns, finding.table))
    for number, part in enumerate(finding.parts, start=2):
        lines.append(_part(part, f"study_{finding.number}_{number}.svg", figures))
    return "\n".join(lines)


def _part(part: Part, name: str, figures: dict[str, Any]) -> str:
    figure = [_shown(name, part.title, part.panels, figures)] if part.panels else []
    return "\n".join([f"{part.title}:\n", *figure, _table(part.columns, part.table)])


def _shown(name: str, title: str, drawn: Chart | dict[str, Chart], figures: dict[str, Any]) -> str:
    figures[name] = drawn
    return f"![{title}]({name})\n"


def _table(columns: list[str], table: list[list[Any]]) -> str:
    rows = [" | ".join(map(str, row)) for row in table]
    return "\n".join(
        [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|", *(f"| {row} |" for row in rows), ""]
    )


def _svg(drawn: Chart | dict[str, Chart]) -> str:
    text = to_svg(panels_figure(drawn) if isinstance(drawn, dict) else finding_figure(drawn))
    return on_a_card(text, _numbers(drawn))


def on_a_card(svg: str, numbers: list[Any]) -> str:
    """Return a figure on a card of its own, to be read on dark pages too, with a digest of its numbers at its end."""
    text = svg.replace('style="fill: none"', f'style="fill: {PALETTE["card"]}"', 1)
    digest = hashlib.sha256(repr(numbers).encode()).hexdigest()[:16]
    return f"{text.rstrip()}\n<!-- numbers {digest} -->\n"


def _numbers(drawn: Chart | dict[str, Chart]) -> list[tuple[Any, ...]]:
    charts = drawn if isinstance(drawn, dict) else {"": drawn}
    return [
        (title, name, x, *_rounded(value))
        for title, chart in charts.items()
        for name, line in chart.lines.items()
        for x, value in line
    ]


def _rounded(value: Estimate) -> tuple[str, ...]:
    return tuple(f"{number:.3f}" for number in (value.mean, value.low, value.high))
