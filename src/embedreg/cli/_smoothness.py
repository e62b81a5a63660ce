"""`embedreg smoothness`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

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

if TYPE_CHECKING:
    from embedreg.report import SmoothnessFacts
    from embedreg.tasks import LabelledTable
    from embedreg.text_embedder import TextEmbedder


@click.command()
@data_argument
@target_option
@input_options
@click.option(
    "--max-rows",
    default=5000,
    show_default=True,
    metavar="N",
    type=click.IntRange(min=2),
    help="Use a random N rows if there are more; time grows with their square.",
)
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Seed of everything random."
)
@click.option(
    "--scaling",
    default="invariant",
    show_default=True,
    help="invariant, or paper for the literal rule, by which longer vectors look smoother.",
)
@embedder_options
@output_option("Keep a page with figures, and the numbers, here.")
@json_option
def smoothness(data: Path, target: str, output: Path | None, as_json: bool, **options: Any) -> None:
    """Over which representation of DATA is the target smoother: a language model's embedding, or traditional features?

    Where near neighbours have near targets, a head has less to learn. DATA is CSV, TSV, Parquet, Arrow/Feather or JSON Lines;
    the text formats may be gzipped.
    """
    from embedreg.core.errors import unknown_name
    from embedreg.report import SMOOTHNESS_FILES, save_smoothness, smoothness_json, smoothness_table
    from embedreg.smoothness import SCALINGS, compare_smoothness
    from embedreg.tasks import load_labelled
    from embedreg.text_embedder import TextEmbedder

    if options["scaling"] not in SCALINGS:
        raise unknown_name("scaling", options["scaling"], SCALINGS)
    if output is not None:
        prepare_output(output, data, SMOOTHNESS_FILES)
    table = load_labelled(data, target, text=options["text"], columns=options["columns"])
    embedder = TextEmbedder(**embedder_settings(options))
    found = compare_smoothness(
        table.records,
        table.y,
        embedder,
        max_rows=options["max_rows"],
        seed=options["seed"],
        scaling=options["scaling"],
    )
    facts = _facts(table, embedder, options)
    click.echo(smoothness_json(found, facts) if as_json else smoothness_table(found, facts), nl=not as_json)
    if output is not None:
        click.echo(f"page: {save_smoothness(found, facts, output)}", err=as_json)


def _facts(table: LabelledTable, embedder: TextEmbedder, options: dict[str, Any]) -> SmoothnessFacts:
    import embedreg
    from embedreg.report import SmoothnessFacts

    settings = embedder_settings(options) | {key: options[key] for key in ("max_rows", "seed", "scaling")}
    return SmoothnessFacts(
        path=str(table.path),
        sha256=table.sha256,
        target=str(table.spec.target),
        input=table.spec.describe(),
        model=embedder.embedder_.name,
        command=command_line(),
        settings=settings
        | {
            "embedder": dict(embedder.embedder_.fingerprint()),
            "versions": {"embedreg": embedreg.__version__},
        },
    )
