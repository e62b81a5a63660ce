"""The section "Speed" of docs/results.md and its figure, from the rows that `python -m benchmarks.speed` wrote."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from speed_figure import speed_svg

SPEED = "speed.json"
_ROOT = Path(__file__).parents[1]


def speed_of(path: Path) -> tuple[str, dict[str, str]]:
    """Return the section, and by name its figure where curves were measured."""
    if str(_ROOT) not in sys.path:
        sys.path.append(str(_ROOT))  # a script's path begins with its own folder
    page = importlib.import_module("benchmarks.speed._page")
    runs = importlib.import_module("benchmarks.speed._store").read(path)
    curves = [run for run in runs if run.part == "curves"]
    figures = {page.FIGURE: speed_svg(curves[-1].rows)} if curves else {}
    return str(page.speed_section(runs)), figures
