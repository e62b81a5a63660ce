"""docs/models.md, from the catalogue, from docs/models.in.md, and from what benchmarks/run_catalogue.py saw."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedreg.embed import CatalogueEntry, catalogue

if TYPE_CHECKING:
    from collections.abc import Sequence

STORED = Path(__file__).parents[1] / "benchmarks" / "results"
TEXT = Path(__file__).with_name("models.in.md")
PLACES = {
    "catalogue.json": "<!-- catalogue -->",
    "default_precision.json": "<!-- precisions -->",
    "ablations.json": "<!-- ablations -->",
}


def models_page(stored: Path = STORED) -> str:
    """Return the page: the text with the tables in their places; nothing is in the place of what is not stored."""
    page = TEXT.read_text()
    tables = (_catalogue_table, _precisions_table, _ablations_table)
    for (name, place), table in zip(PLACES.items(), tables, strict=True):
        path = stored / name
        page = page.replace(place, table(json.loads(path.read_text()) if path.is_file() else {}))
    return page


def _catalogue_table(runs: dict[str, Any]) -> str:
    columns = (
        "name",
        "what it is",
        "source",
        "parameters",
        "licence",
        "dimension",
        "window",
        "weights",
        "run here",
    )
    return _table(columns, [_row(entry, runs.get(entry.name)) for entry in catalogue().values()])


def _precisions_table(found: dict[str, Any]) -> str:
    if not found:
        return ""
    seconds = found["median_seconds"]
    rows = [("`float32`", 0, 0, f"{seconds['float32']:.1f}")]
    for dtype, less in found["less_float32"].items():
        interval = f"{less['mean']:+.3f} [{less['low']:+.3f}, {less['high']:+.3f}]"
        rows.append((f"`{dtype}`", interval, f"{less['greatest']:+.3f}", f"{seconds[dtype]:.1f}"))
    return (
        f"What a precision does to the default, on the {len({row['task'] for row in found['rows']})} tasks with texts: Kendall tau less that in "
        f"float32, seeds {', '.join(map(str, found['seeds']))}, effort `{found['effort']}`. The seconds are the median of a fit with an empty cache, "
        "in which the members' heads count too. Written by `benchmarks/default_precision.py`.\n\n"
        + _table(("precision", "Kendall tau less float32's", "greatest of a task", "seconds"), rows)
    )


def _ablations_table(found: dict[str, Any]) -> str:
    if not found:
        return ""
    settings = found["settings"]
    rows = []
    for row in found["rows"]:
        tau = row["tau"]
        interval = f"{tau['mean']:.2f} [{tau['low']:.2f}, {tau['high']:.2f}]"
        rows.append((row["ablation"], f"`{row['model']}`", row["dimension"], interval))
    return (
        f"Kendall tau on test rows of `{settings['task']}` with its 95% interval: {settings['rows']} rows, {settings['seeds']} seeds, "
        f"{settings['head']} head; one small task, so most of these intervals overlap. Written by `benchmarks/ablations.py` "
        f"({settings['date']}).\n\n![Kendall tau by ablation](ablations.svg)\n\n"
        + _table(("ablation", "model", "numbers a text", "Kendall tau"), rows)
    )


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = (f"| {' | '.join(map(str, cells))} |" for cells in rows)
    return "\n".join([f"| {' | '.join(columns)} |", "|---" * len(columns) + "|", *lines])


def _row(entry: CatalogueEntry, run: dict[str, Any] | None) -> tuple[Any, ...]:
    return (
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


def _seen(run: dict[str, Any] | None) -> str:
    if run is None:
        return "not tried"
    if not run["ran"]:
        reason = "the hub could not be reached" if "ConnectError" in run["error"] else run["error"]
        return f"no: {reason} ({run['date']})"
    return f"yes, {run['dimension']} numbers a text ({run['date']}, transformers {run['versions']['transformers']})"
