"""`embedreg suggest`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from embedreg.cli._options import finite, model_argument, rows_output_option

_AT_ONCE: Final = 10_000


@click.command()
@model_argument
@click.argument("candidates", type=click.Path(path_type=Path))
@click.option(
    "-k", "count", default=1, show_default=True, type=click.IntRange(min=1), help="How many to suggest."
)
@click.option("--maximize", is_flag=True, help="Large numbers are good. [default: small ones]")
@click.option(
    "--acquisition",
    default="expected_improvement",
    show_default=True,
    help="expected_improvement, or thompson for a batch spread as far as the models disagree.",
)
@click.option(
    "--best",
    type=float,
    metavar="Y",
    callback=finite,
    help="The best number known. [default: that of the training data]",
)
@rows_output_option
@click.option("--cache/--no-cache", default=True, show_default=True, help="Keep and reuse embeddings.")
def suggest(model: Path, candidates: Path, output: Path | None, cache: bool, **options: Any) -> None:
    """Write the rows of CANDIDATES that are worth measuring next, the most promising first.

    MODEL must have been fitted with --head auto: a suggestion weighs what is predicted and how far its models disagree.
    Rows that it was fitted to, and repeats of a row, come after all others.
    """
    from embedreg.cli._saved import load_saved
    from embedreg.core.files import keep_input
    from embedreg.tasks import open_writer, output_columns, stream_records

    keep_input(candidates, output)
    regressor, spec = load_saved(model, cache=cache)
    batches = list(stream_records(candidates, spec, batch_rows=_AT_ONCE))
    rows = [row for batch in batches for row in batch.rows]
    with open_writer(output, output_columns(candidates), like=candidates) as writer:
        chosen = regressor.suggest(
            [record for batch in batches for record in batch.records],
            options["count"],
            acquisition=options["acquisition"],
            minimize=not options["maximize"],
            best=options["best"],
        )
        writer.write([rows[i] for i in chosen])
