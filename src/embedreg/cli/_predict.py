"""`embedreg predict`."""

from __future__ import annotations

from pathlib import Path

import click

from embedreg.cli._options import data_argument, model_argument


@click.command()
@model_argument
@data_argument
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    type=click.Path(path_type=Path),
    help="File to write, its format by its name. [default: stdout]",
)
@click.option(
    "--column", default="prediction", show_default=True, metavar="NAME", help="Name of the column to add."
)
@click.option("--cache/--no-cache", default=True, show_default=True, help="Keep and reuse embeddings.")
@click.option(
    "--batch-rows",
    default=1000,
    show_default=True,
    type=click.IntRange(min=1),
    help="Rows held in memory at once.",
)
def predict(model: Path, data: Path, output: Path | None, column: str, cache: bool, batch_rows: int) -> None:
    """Add a column of predictions by MODEL to the rows of DATA.

    Rows are read, predicted and written in batches, so memory does not grow with DATA.
    """
    from embedreg.cli._saved import load_saved
    from embedreg.core.progress import progress_bar
    from embedreg.tasks import count_rows, open_writer, output_columns, stream_records

    regressor, spec = load_saved(model, cache=cache)
    columns = output_columns(data, column)
    total = count_rows(data, spec)
    with open_writer(output, columns, like=data) as writer, progress_bar(total, "predicting", "rows") as bar:
        for batch in stream_records(data, spec, batch_rows=batch_rows):
            predictions = regressor.predict(batch.records)
            writer.write([row | {column: float(p)} for row, p in zip(batch.rows, predictions, strict=True)])
            bar.update(len(batch.rows))
