"""The page of a study."""

from __future__ import annotations

import base64
import math
import re
from dataclasses import replace

import pytest

from embedreg.report._study_figures import finding_figure, panels_figure
from embedreg.report._study_page import write_study_report
from embedreg.study.findings import Chart, Finding, Part
from embedreg.study.grid import Estimate, StudyResults

LINES = Chart(
    "number of fields",
    "Kendall tau",
    {
        "embedding": [(5, Estimate(0.6, 0.5, 0.7, 4)), (100, Estimate(0.5, math.nan, math.nan, 1))],
        "traditional": [(5, Estimate(0.7, 0.6, 0.8, 4))],
    },
)
BARS = Chart(
    "tasks",
    "difference",
    {"one": [("xla", Estimate(-0.1, -0.2, 0.1, 3))], "two": [("automl", Estimate(0.2, 0.1, 0.3, 3))]},
)


def finding(number: int, chart: Chart | None) -> Finding:
    return Finding(
        number, f"Title {number}", "it <was>", "a rule", "agrees", "it is", ["a", "b"], [[1, "x,y"]], chart
    )


@pytest.fixture
def page(tmp_path) -> str:
    part = Part("By <function>", ["f", "tau"], [["sphere", "0.5"]], {"sphere": LINES, "discus": LINES})
    found = [replace(finding(1, LINES), parts=[part]), finding(2, BARS), finding(3, None)]
    rows = [{"task": "t", "kendall_tau": 0.5}]
    results = StudyResults("small", "a <b>", "minilm", cells=2, failed=0, rows=rows)
    path = write_study_report(results, found, rows, tmp_path / "new" / "page.html")
    return path.read_text()


def test_every_finding_is_there_with_its_verdict_and_rule(page) -> None:
    for number in (1, 2, 3):
        assert f"{number}. Title {number}: agrees" in page
    assert page.count("a rule") == 3
    assert page.count("<svg") == 3
    assert "By &lt;function&gt;" in page
    assert "it &lt;was&gt;" in page
    assert "a &lt;b&gt;" in page


def test_numbers_can_be_downloaded(page) -> None:
    files = re.findall(r'href="data:text/csv;charset=utf-8;base64,([^"]*)" download="([^"]*)"', page)
    texts = {name: base64.b64decode(data).decode() for data, name in files}
    assert texts["rows.csv"] == "task,kendall_tau\nt,0.5\n"
    assert texts["result_1_2.csv"] == "f,tau\nsphere,0.5\n"
    assert texts["result_1.csv"] == 'a,b\n1,"x,y"\n'


def test_a_line_over_numbers_and_intervals_over_names() -> None:
    axes = finding_figure(LINES).axes[0]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["5", "100"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("number of fields", "Kendall tau")
    assert axes.get_xscale() == "log"
    axes = finding_figure(BARS).axes[0]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["xla", "automl"]


def test_methods_are_told_apart_without_colour() -> None:
    containers = finding_figure(LINES).axes[0].containers
    looks = {(c[0].get_marker(), c[0].get_linestyle()) for c in containers}
    assert len(looks) == 2


@pytest.mark.parametrize("count", [1, 3, 24])
def test_small_charts_share_their_axes_and_one_legend(count) -> None:
    figure = panels_figure({f"f{i}": LINES for i in range(count)})
    assert [axes.get_title(loc="left") for axes in figure.axes] == [f"f{i}" for i in range(count)]
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(LINES.lines)


def test_long_names_stand_below_each_other_in_the_legend() -> None:
    long = Chart(
        "x",
        "y",
        {f"the larger model {i} less the smaller model {i}": LINES.lines["traditional"] for i in "ab"},
    )
    [legend] = finding_figure(long).legends
    assert legend._ncols == 1
    assert [text.get_text() for text in legend.get_texts()] == list(long.lines)
