"""What the documentation shows must run, and what is written from the code must be current."""

from __future__ import annotations

import dataclasses
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_generated_pages_are_current():
    subprocess.run([sys.executable, ROOT / "docs" / "generate.py", "--check"], check=True)


def test_the_study_section_says_what_is_not_run_and_draws_what_is(tmp_path, monkeypatch):
    from embedreg.study.findings import FINDINGS
    from embedreg.study.grid import StudyResults, write_results

    monkeypatch.syspath_prepend(ROOT / "docs")
    section = importlib.import_module("study_section")
    row = {"suite": "l2da", "dof": 5, "rows": 500, "seed": 0, "seconds": 1800.0, "chosen": {}}
    rows = [
        row | {"task": f"l2da/{i}", "representation": name, "kind": kind, "head": "ridge", "kendall_tau": tau}
        for i in range(3)
        for name, kind, tau in (("mpnet", "embedding", 0.6), ("minilm", "embedding", 0.5 + 0.01 * i))
    ]
    results = StudyResults(
        "paper", "", "minilm", 40, 0, rows, version="1.2.3", date="2030-01-01", machine="a box"
    )
    text, figures = section.study_section(write_results(results, tmp_path / "some.parquet"))
    assert (
        "embedreg 1.2.3, preset `paper`, exported on 2030-01-01, run on a box: 6 of 40 cells, 3.0 hours"
        in text
    )
    assert "34 are not run yet" in text
    assert text.count("- Verdict: **not run**") == len(FINDINGS) - 1
    assert "| mpnet less minilm | l2da | 0.09 [0.07, 0.11] | 3 |" in text
    assert list(figures) == ["study_5.svg"]
    changed = dataclasses.replace(results, rows=[r | {"kendall_tau": r["kendall_tau"] ** 2} for r in rows])
    _, others = section.study_section(write_results(changed, tmp_path / "some.parquet"))
    assert section.numbers_of(others["study_5.svg"]) != section.numbers_of(figures["study_5.svg"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text())
    assert [t for t in targets if "://" not in t and not (page.parent / t).exists()] == []


def test_the_embedder_of_the_extending_page_runs():
    code = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "extending.md").read_text(), flags=re.DOTALL)
    found = subprocess.run([sys.executable, "-c", code[0]], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"\[[0-9.]+\]\n", found.stdout)


def test_the_spec_of_the_page_on_studies_can_be_read_and_selects_its_tasks():
    from embedreg.study.grid import parse_study
    from embedreg.tasks import select_tasks

    [text] = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "studies.md").read_text(), flags=re.DOTALL)
    [block] = parse_study(text, "the page").blocks
    assert all(task.is_here() for pattern in block.tasks for task in select_tasks([pattern]))


def test_the_python_of_the_services_page_runs(tmp_path):
    code = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "services.md").read_text(), flags=re.DOTALL)
    found = subprocess.run([sys.executable, "-c", code[0]], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"2 1 [0-9.e-]+\n", found.stdout)


def test_the_python_of_the_readme_runs(tiny_bert, tmp_path):
    """With a tiny model in the place of the default one, whose weights a test does not fetch."""
    code = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)[0]
    assert 'model="minilm", ' in code
    code = code.replace('model="minilm", ', f"model={str(tiny_bert)!r}, ")
    code = code.replace('Regressor(head="ridge")', f'Regressor({str(tiny_bert)!r}, head="ridge")')
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, capture_output=True)
    assert (tmp_path / "saved" / "manifest.json").is_file()


def test_the_python_of_the_page_on_the_default_runs(tiny_bert):
    code = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "ensemble.md").read_text(), flags=re.DOTALL)[0]
    code = code.replace("EmbeddingRegressor(effort", f"EmbeddingRegressor({str(tiny_bert)!r}, effort")
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "their weighted mean" in found.stdout


def test_the_example_of_an_embedder_is_short_and_runs():
    example = ROOT / "examples" / "own_embedder.py"
    assert len(example.read_text().splitlines()) < 40
    found = subprocess.run([sys.executable, example], capture_output=True, text=True, check=True)
    predicted, _, expected = found.stdout.partition(" expected ")
    assert abs(float(predicted.strip("[]")) - float(expected)) < 2
