"""`--dry-run` of the commands that embed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embedreg.core.records import Record
    from embedreg.regressor import EmbeddingRegressor
    from embedreg.text_embedder import TextEmbedder

dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Print how many texts, tokens and USD it would take, and do nothing."
)


def print_plan(
    embedder: TextEmbedder | EmbeddingRegressor, records: Sequence[Record], *, as_json: bool = False
) -> None:
    """Print what embedding the records would take."""
    import dataclasses
    import json

    plan = embedder.plan(records)
    click.echo(json.dumps(dataclasses.asdict(plan)) if as_json else plan)


def compared_records(records: Sequence[Record], options: dict[str, Any]) -> list[Record]:
    """Return the records that `compare` would embed: those in the splits of its seeds."""
    from embedreg.serialize import make_serializer
    from embedreg.study import group_split

    groups = [make_serializer("json", "as_is")(record) for record in records]
    rows: set[int] = set()
    for seed in range(options["seeds"]):
        split = group_split(groups, seed=seed, max_rows=options["max_rows"])
        rows.update(int(row) for part in (split.train, split.validation, split.test) for row in part)
    return [records[row] for row in sorted(rows)]
