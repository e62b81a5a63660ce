"""docs/models.md, from the catalogue, from docs/models.in.md, and from what benchmarks/run_catalogue.py saw."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from embedreg.embed import CatalogueEntry, catalogue

SEEN = Path(__file__).parents[1] / "benchmarks" / "results" / "catalogue.json"
TEXT = Path(__file__).with_name("models.in.md")
PLACE = "<!-- table -->"


def models_page(seen: Path = SEEN) -> str:
    """Return the page: the text with the table of the catalogue in its place."""
    runs = json.loads(seen.read_text()) if seen.is_file() else {}
    lines = [
        "| name | what it is | source | parameters | licence | dimension | window | weights | run here |",
        "|---" * 9 + "|",
        *(_row(entry, runs.get(entry.name)) for entry in catalogue().values()),
    ]
    return TEXT.read_text().replace(PLACE, "\n".join(lines))


def _row(entry: CatalogueEntry, run: dict[str, Any] | None) -> str:
    cells = (
        f"`{entry.name}`",
        entry.description,
        ", ".join(str(source) for source in entry.sources),
        f"{entry.parameters / 1e6:,.1f}M",
        entry.licence,
        entry.dimension,
        f"{entry.window:,}",
        f"sha256 `{entry.sha256[:12]}`" if entry.sha256 else "not verified: trust on first use",
        _seen(run),
    )
    return f"| {' | '.join(map(str, cells))} |"


def _seen(run: dict[str, Any] | None) -> str:
    if run is None:
        return "not tried"
    if not run["ran"]:
        return f"no: its sources could not be reached ({run['date']})"
    return f"yes, {run['dimension']} numbers a text ({run['date']}, transformers {run['versions']['transformers']})"
