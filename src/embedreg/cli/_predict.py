"""`embedreg predict`."""

from __future__ import annotations

from pathlib import Path

import click

from embedreg.cli._options import column_name, data_argument, finite, model_argument, rows_output_option


def _levels(_context: click.Context, _option: click.Parameter, value: str | None) -> dict[str, float]:
    """Return quantiles by the ends of their columns' names."""
    if value is None:
        return {}
    words = [word.strip() for word in value.split(",")]
    try:
        levels = [float(word) for word in words]
    except ValueError:
        raise click.BadParameter(f"{value!r} is not numbers with commas between them") from None
    if not all(0 < level < 1 for level in levels):
        raise click.BadParameter(f"{value!r} is not in the range 0<x<1")
    if len(set(levels)) < len(levels):
        raise click.BadParameter(f"{value!r} has a number more than once")
    return {f"q{word}": level for word, level in zip(words, levels, strict=True)}


@click.command()
@model_argument
@data_argument
@rows_output_option
@click.option(
    "--column",
    default="prediction",
    show_default=True,
    metavar="NAME",
    callback=column_name,
    help="Name of the column to add.",
)
@click.option(
    "--coverage",
    metavar="SHARE",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    callback=finite,
    help="Add columns NAME_lower and NAME_upper, between which so many true numbers are.",
)
@click.option(
    "--quantiles",
    metavar="A,B,...",
    callback=_levels,
    help="Add a column NAME_qA for each of these quantiles, such as 0.1,0.5,0.9.",
)
@click.option("--cache/--no-cache", default=True, show_default=True, help="Keep and reuse embeddings.")
@click.option(
    "--batch-rows",
    default=1000,
    show_default=True,
    type=click.IntRange(min=1),
    help="Rows held in memory at once.",
)
def predict(
    model: Path,
    data: Path,
    output: Path | None,
    column: str,
    coverage: float | None,
    quantiles: dict[str, float],
    cache: bool,
    batch_rows: int,
) -> None:
    """Add a column of predictions by MODEL to the rows of DATA.

    Rows are read, predicted and written in batches, so memory does not grow with DATA. Intervals and quantiles need a MODEL
    that was fitted with --head auto.
    """
    from embedreg.cli._saved import load_saved
    from embedreg.core.arguments import check_levels
    from embedreg.core.each_text_once import each_text_once
    from embedreg.core.errors import UsageError
    from embedreg.core.files import keep_input
    from embedreg.core.progress import progress_bar
    from embedreg.core.warn import together
    from embedreg.tasks import count_rows, open_writer, output_columns, stream_records

    keep_input(data, output)
    regressor, spec = load_saved(model, cache=cache)
    ends = {} if coverage is None else {"lower": (1 - coverage) / 2, "upper": (1 + coverage) / 2}
    levels = {f"{column}_{name}": level for name, level in (ends | quantiles).items()}
    if levels and not hasattr(regressor, "ensemble_"):
        raise UsageError(
            f"--coverage or --quantiles of {model}, which has one head alone",
            expected="a model fitted with --head auto, whose folds tell what errors it makes",
            mend="fit it again without --head",
        )
    if levels:
        check_levels(list(levels.values()))
    columns = output_columns(data, column, *levels)
    total = count_rows(data, spec)
    with (
        open_writer(output, columns, like=data) as writer,
        progress_bar(total, "predicting", "rows") as bar,
        together() as batches,
    ):
        for batch in stream_records(data, spec, batch_rows=batch_rows):
            batches.begin(len(batch.records))
            with each_text_once():
                added = {column: regressor.predict(batch.records)}
                if levels:
                    found = regressor.predict_quantiles(batch.records, list(levels.values()))
                    added |= {name: found[..., place] for place, name in enumerate(levels)}
            rows = zip(*(values.tolist() for values in added.values()), strict=True)
            writer.write(
                [row | dict(zip(added, new, strict=True)) for row, new in zip(batch.rows, rows, strict=True)]
            )
            bar.update(len(batch.rows))
