"""The section "Quality" of docs/results.md, from the rows that `python -m benchmarks.quality export` wrote."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

QUALITY, HELD_OUT = "quality.parquet", "held_out.parquet"
_ROOT = Path(__file__).parents[1]


def quality_of(stored: Path) -> str:
    """Return the sections from the files in a folder."""
    if str(_ROOT) not in sys.path:
        sys.path.append(str(_ROOT))  # a script's path begins with its own folder
    page = importlib.import_module("benchmarks.quality._page")
    results = importlib.import_module("benchmarks.quality._results")
    methods = importlib.import_module("benchmarks.quality.methods").METHODS
    now = {name: method.digest() for name, method in methods.items()}
    sections = [page.quality_section(results.read(stored / QUALITY), now)]
    if (stored / HELD_OUT).is_file():
        sections.append(page.held_out_section(results.read(stored / HELD_OUT), now))
    return "\n".join(sections)
