"""`embedreg compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from embedreg.cli._dry_run import dry_run_option, print_plan
from embedreg.cli._options import (
    command_line,
    data_argument,
    embedder_options,
    embedder_settings,
    input_options,
    json_option,
    output_option,
    prepare_output,
    target_option,
)


@click.command()
@data_argument
@target_option
@input_options
@click.option(
    "--seeds",
    default=5,
    show_default=True,
    type=click.IntRange(min=1),
    help="How many random splits, seeds 0, 1, ...",
)
@click.option(
    "--max-rows",
    metavar="N",
    type=click.IntRange(min=1),
    help="Use a random N rows a seed; the paper has 500.",
)
@click.option(
    "--target-transform",
    metavar="NAME",
    help="yeo-johnson or auto, for all methods but the combination. [default: none]",
)
@click.option(
    "--bootstrap",
    default=1000,
    show_default=True,
    type=click.IntRange(min=10),
    help="Resamples for the intervals.",
)
@click.option(
    "--combination",
    default="fast",
    show_default=True,
    metavar="NAME",
    type=click.Choice(["fast", "balanced", "best", "none"]),
    help="Effort of the combination of both: fast, balanced or best as in `embedreg fit`, or none.",
)
@embedder_options
@output_option("Keep the report, rows and settings here.")
@dry_run_option
@json_option
def compare(
    data: Path, target: str, output: Path | None, dry_run: bool, as_json: bool, **options: Any
) -> None:
    """Does a language model's embedding of DATA beat traditional features, by how much, and why?

    Both get the paper's MLP, ridge regression and XGBoost, on the same random splits into 80% for training, 10% for choosing
    a configuration and 10% for the score. Beside them stands the combination of both, as `embedreg fit` makes it. DATA is CSV,
    TSV, Parquet, Arrow/Feather or JSON Lines; the text formats may be gzipped.
    """
    from embedreg.report import COMPARISON_FILES, comparison_json, comparison_table, save_comparison
    from embedreg.study import CompareSettings, compare_representations, plan_comparison
    from embedreg.tasks import load_labelled

    if output is not None and not dry_run:
        prepare_output(output, data, COMPARISON_FILES)
    settings = CompareSettings(
        **embedder_settings(options),
        seeds=options["seeds"],
        max_rows=options["max_rows"],
        target_transform=options["target_transform"],
        bootstrap=options["bootstrap"],
        combination=None if options["combination"] == "none" else options["combination"],
    )
    table = load_labelled(data, target, text=options["text"], columns=options["columns"])
    if dry_run:
        print_plan(plan_comparison(table, settings), as_json=as_json)
        return
    comparison = compare_representations(table, settings, command=command_line(), resume=output)
    if as_json:
        click.echo(comparison_json(comparison), nl=False)
    else:
        found = (comparison.verdict, comparison.combination_sentence, comparison.smoothness_sentence)
        notes = [f"Note: {warning}" for warning in comparison.warnings]
        click.echo("\n".join([comparison_table(comparison), "", *filter(None, found), *notes]))
    if output is not None:
        report = save_comparison(comparison, output)
        click.echo(f"report: {report}", err=as_json)
