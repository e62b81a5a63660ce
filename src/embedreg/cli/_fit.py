"""`embedreg fit`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from embedreg.cli._dry_run import dry_run_option, print_plan
from embedreg.cli._options import (
    data_argument,
    embedder_options,
    embedder_settings,
    input_options,
    json_option,
    target_option,
)


@click.command()
@data_argument
@target_option
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="MODEL",
    type=click.Path(path_type=Path),
    help="Directory to save to.",
)
@input_options
@click.option("--head", default="ridge", show_default=True, help="ridge, mlp, xgboost or mean.")
@click.option(
    "--representation",
    default="embedding",
    show_default=True,
    help="embedding, or tabular for traditional features alone.",
)
@click.option("--target-transform", metavar="NAME", help="yeo-johnson or auto. [default: none]")
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Seed of everything random."
)
@embedder_options
@click.option("--overwrite", is_flag=True, help="Replace a model saved at that path.")
@dry_run_option
@json_option
def fit(data: Path, output: Path, **options: Any) -> None:
    """Train on DATA and save the model.

    DATA is CSV, TSV, Parquet, Arrow/Feather or JSON Lines; the text formats may be gzipped.
    """
    from embedreg.core.bundle import check_free
    from embedreg.core.errors import UsageError
    from embedreg.regressor import EmbeddingRegressor
    from embedreg.tasks import load_labelled
    from embedreg.text_embedder import TextEmbedder

    if options["dry_run"] and options["representation"] != "embedding":
        raise UsageError(
            "--dry-run without an embedding", expected="--representation embedding", mend="leave it out"
        )
    check_free(output, overwrite=options["overwrite"])
    table = load_labelled(data, options["target"], text=options["text"], columns=options["columns"])
    if options["dry_run"]:
        print_plan(TextEmbedder(**embedder_settings(options)), table.records, as_json=options["as_json"])
        return
    regressor = EmbeddingRegressor(
        **embedder_settings(options),
        head=options["head"],
        representation=options["representation"],
        target_transform=options["target_transform"],
        random_state=options["seed"],
    )
    regressor.fit(table.records, table.y)
    regressor.save(output, overwrite=options["overwrite"], extra={"input": table.spec.to_json()})
    _report(regressor, table, output, as_json=options["as_json"])


def _report(regressor: Any, table: Any, output: Path, *, as_json: bool) -> None:
    import json

    facts = {
        "model": str(output),
        "rows": len(table.records),
        "input": table.spec.describe(),
        "chosen": regressor.head_.chosen_,
    }
    if as_json:
        click.echo(json.dumps(facts))
        return
    click.echo(f"fitted on {facts['rows']} rows; input: {facts['input']}")
    click.echo(
        "chosen: " + ", ".join(f"{name} {_short(value)}" for name, value in regressor.head_.chosen_.items())
    )
    click.echo(f"saved to {output}")


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
