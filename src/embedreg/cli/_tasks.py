"""`embedreg tasks`: the suites of tasks."""

from __future__ import annotations

from typing import Any

import click

from embedreg.cli._options import json_option

_COLUMNS = "{name:<{width}}  {kind:<5} {rows:>6} {dof:>4}  {here:<4}  {licence}"


@click.group()
def tasks() -> None:
    """Tasks that are known by name: real ones, and functions made at any number of inputs."""


@tasks.command("list")
@click.option(
    "--suite",
    "patterns",
    metavar="S",
    multiple=True,
    help="Only these: a suite, a task, a pattern (xla/db_*), bbob@5,10, or a suite's TOML file; may be repeated.",
)
@json_option
def list_tasks(patterns: tuple[str, ...], as_json: bool) -> None:
    """List tasks: kind, rows, degrees of freedom, licence, whether here."""
    import json

    from embedreg.tasks import select_tasks, suites

    found = select_tasks(patterns or [suite.name for suite in suites()])
    rows = [_row(task) for task in found]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    width = max(len(row["name"]) for row in rows)
    titles = {key: key for key in ("name", "kind", "rows", "dof", "here", "licence")}
    click.echo(_COLUMNS.format(width=width, **titles))
    for row in rows:
        shown = row | {"rows": row["rows"] or "any", "here": "yes" if row["here"] else "no"}
        click.echo(_COLUMNS.format(width=width, **shown))


def _row(task: Any) -> dict[str, Any]:
    keys = ("name", "suite", "kind", "rows", "dof", "licence", "source", "sha256", "summary")
    return {key: getattr(task, key) for key in keys} | {"here": task.is_here()}
