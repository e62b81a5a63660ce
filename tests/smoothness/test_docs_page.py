"""What the page on smoothness shows must run, in its order."""

from __future__ import annotations

import json
import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "smoothness.md"


def test_the_python_of_the_page_runs(tiny_bert, tmp_path, monkeypatch, capsys):
    """With a tiny model in the place of the default one, whose weights a test does not fetch."""
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL))
    assert 'model="minilm"' in code
    monkeypatch.chdir(tmp_path)
    exec(code.replace('model="minilm"', f"model={str(tiny_bert)!r}"), {})
    assert capsys.readouterr().out.startswith("GapInterval(gap=")
    assert {p.name for p in tmp_path.iterdir()} == {"distances.svg", "surface.svg"}


def test_the_coverage_on_the_page_is_what_was_measured():
    rows = json.loads((PAGE.parents[1] / "benchmarks/results/smoothness_interval.json").read_text())
    shown = PAGE.read_text()
    for row in rows:
        halves, factors = row["covered"]["halves"], row["covered"]["resampled factors"]
        assert re.search(rf"\| {row['target']}[^|]*\| {halves:.1%} \| {factors:.1%} \|", shown)
