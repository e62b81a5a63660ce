"""`embedreg embed`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from embedreg.cli._dry_run import dry_run_option, print_plan
from embedreg.cli._options import (
    column_name,
    data_argument,
    embedder_options,
    embedder_settings,
    input_options,
)


@click.command()
@data_argument
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="OUT",
    type=click.Path(path_type=Path),
    help="Vectors go to this file: .npy, or .parquet with the rows beside them.",
)
@click.option(
    "--column",
    default="embedding",
    show_default=True,
    metavar="NAME",
    callback=column_name,
    help="Name of the column of vectors, where the output has columns.",
)
@click.option("--target", metavar="COLUMN", help="A column that is no input.")
@input_options
@embedder_options
@click.option(
    "--batch-rows",
    default=4096,
    show_default=True,
    type=click.IntRange(min=1),
    help="Rows held in memory at once.",
)
@dry_run_option
def embed(
    data: Path,
    output: Path,
    column: str,
    target: str | None,
    batch_rows: int,
    dry_run: bool,
    **options: Any,
) -> None:
    """Write the embedding of each row of DATA, in the order of the rows."""
    from embedreg.core.files import keep_input
    from embedreg.core.progress import progress_bar
    from embedreg.tasks import count_rows, resolve_input, stream_records, write_vectors
    from embedreg.text_embedder import TextEmbedder

    keep_input(data, output)
    spec = resolve_input(data, target=target, text=options["text"], columns=options["columns"])
    total = count_rows(data, spec)
    embedder = TextEmbedder(**embedder_settings(options)).restore()
    if dry_run:
        batches = stream_records(data, spec, batch_rows=batch_rows)
        records = [record for batch in batches for record in batch.records]
        print_plan(embedder.plan(records, batch_rows=batch_rows))
        return
    dimension = len(embedder.get_feature_names_out())
    with (
        write_vectors(output, dimension, like=data, column=column) as writer,
        progress_bar(total, "embedding", "rows") as bar,
    ):
        for batch in stream_records(data, spec, batch_rows=batch_rows):
            writer.write(embedder.transform(batch.records), batch.rows)
            bar.update(len(batch.rows))
    click.echo(f"{total} vectors of {dimension} numbers in {output}")
