"""`embedreg fit`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from embedreg.cli._dry_run import dry_run_option, print_plan
from embedreg.cli._options import (
    data_argument,
    embedder_options_left_open,
    embedder_settings,
    input_options,
    json_option,
    refuse_embedder_options,
    short,
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
@click.option(
    "--head",
    default="auto",
    show_default=True,
    help="auto for the best combination of several, or one: ridge, mlp, xgboost, gp, extra_trees or mean.",
)
@click.option(
    "--representation",
    default="auto",
    show_default=True,
    help="auto, embedding, or tabular for traditional features alone.",
)
@click.option(
    "--effort",
    metavar="NAME",
    help="How much --head auto tries: fast, balanced or best. [default: balanced]",
)
@click.option(
    "--target-transform", metavar="NAME", help="yeo-johnson or auto, for a head by name. [default: none]"
)
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Seed of everything random."
)
@embedder_options_left_open
@click.option("--overwrite", is_flag=True, help="Replace a model saved at that path.")
@dry_run_option
@json_option
def fit(data: Path, output: Path, **options: Any) -> None:
    """Train on DATA and save the model.

    By itself it tries embeddings and traditional features with several heads, keeps the combination that predicts held-out
    folds best, and says what that is. DATA is CSV, TSV, Parquet, Arrow/Feather or JSON Lines; the text formats may be gzipped.
    """
    from embedreg.core.bundle import check_free
    from embedreg.regressor import EmbeddingRegressor
    from embedreg.tasks import load_labelled

    refuse_embedder_options(options["representation"])
    check_free(output, overwrite=options["overwrite"])
    regressor = EmbeddingRegressor(
        **embedder_settings(options),
        **_effort(options),
        head=options["head"],
        representation=options["representation"],
        target_transform=options["target_transform"],
        random_state=options["seed"],
    )
    table = load_labelled(data, options["target"], text=options["text"], columns=options["columns"])
    if options["dry_run"]:
        print_plan(regressor.plan(table.records), as_json=options["as_json"])
        return
    regressor.fit(table.records, table.y)
    regressor.save(output, overwrite=options["overwrite"], extra={"input": table.spec.to_json()})
    _report(regressor, table, output, as_json=options["as_json"])


def _effort(options: dict[str, Any]) -> dict[str, str]:
    """Take --effort out of the options, and refuse it where it would change nothing."""
    from embedreg.core.errors import UsageError

    effort, head = options["effort"], options["head"]
    if effort is None:
        return {}
    if head != "auto":
        raise UsageError(
            f"--effort {effort} with --head {head}",
            expected="an effort with --head auto, which tries several heads",
            mend="leave out one of the two",
        )
    return {"effort": effort}


def _report(regressor: Any, table: Any, output: Path, *, as_json: bool) -> None:
    import json

    facts = {"model": str(output), "rows": len(table.records), "input": table.spec.describe()}
    combined = hasattr(regressor, "ensemble_")
    if as_json:
        chosen = regressor.explain().to_json() if combined else regressor.head_.chosen_
        click.echo(json.dumps(facts | {"explanation" if combined else "chosen": chosen}))
        return
    click.echo(f"fitted on {facts['rows']} rows; input: {facts['input']}")
    if combined:
        click.echo(regressor.explain())
    else:
        chosen = regressor.head_.chosen_.items()
        click.echo("chosen: " + ", ".join(f"{name} {short(value)}" for name, value in chosen))
    click.echo(f"saved to {output}")
