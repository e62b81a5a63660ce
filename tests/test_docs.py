"""What the documentation shows must run, and what is written from the code must be current."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_generated_pages_are_current():
    subprocess.run([sys.executable, ROOT / "docs" / "generate.py", "--check"], check=True)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text())
    assert [t for t in targets if "://" not in t and not (page.parent / t).exists()] == []


def test_the_embedder_of_the_extending_page_runs():
    code = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "extending.md").read_text(), flags=re.DOTALL)
    found = subprocess.run([sys.executable, "-c", code[0]], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"\[[0-9.]+\]\n", found.stdout)


def test_the_python_of_the_services_page_runs(tmp_path):
    code = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "services.md").read_text(), flags=re.DOTALL)
    found = subprocess.run([sys.executable, "-c", code[0]], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"2 1 [0-9.e-]+\n", found.stdout)


def test_the_python_of_the_readme_runs(tiny_bert, tmp_path):
    """With a tiny model in the place of the default one, whose weights a test does not fetch."""
    code = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)[0]
    assert 'model="minilm", ' in code
    code = code.replace('model="minilm", ', f"model={str(tiny_bert)!r}, ")
    code = code.replace("EmbeddingRegressor()", f"EmbeddingRegressor({str(tiny_bert)!r})")
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, capture_output=True)
    assert (tmp_path / "model" / "manifest.json").is_file()


def test_the_example_of_an_embedder_is_short_and_runs():
    example = ROOT / "examples" / "own_embedder.py"
    assert len(example.read_text().splitlines()) < 40
    found = subprocess.run([sys.executable, example], capture_output=True, text=True, check=True)
    predicted, _, expected = found.stdout.partition(" expected ")
    assert abs(float(predicted.strip("[]")) - float(expected)) < 2
