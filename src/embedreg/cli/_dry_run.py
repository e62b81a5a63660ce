"""`--dry-run` of the commands that embed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from embedreg.embed import EmbeddingPlan

dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Print how many texts, tokens and USD it would take, and do nothing."
)


def print_plan(plan: EmbeddingPlan, *, as_json: bool = False) -> None:
    """Print what embedding would take."""
    import dataclasses
    import json

    click.echo(json.dumps(dataclasses.asdict(plan)) if as_json else plan)
