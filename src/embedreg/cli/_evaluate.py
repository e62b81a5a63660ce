"""`embedreg evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from embedreg.cli._options import data_argument, json_option, model_argument

if TYPE_CHECKING:
    from embedreg.study.result import Interval


@click.command()
@model_argument
@data_argument
@click.option(
    "--target", metavar="COLUMN", help="The column with the true numbers. [default: the one it was fitted on]"
)
@click.option(
    "--bootstrap", default=1000, show_default=True, type=click.IntRange(min=10), help="Resamples of the rows."
)
@click.option("--cache/--no-cache", default=True, show_default=True, help="Keep and reuse embeddings.")
@json_option
def evaluate(model: Path, data: Path, target: str | None, bootstrap: int, cache: bool, as_json: bool) -> None:
    """Score a saved MODEL on labelled DATA: rank and linear correlation and errors, with 95% intervals."""
    import json

    from embedreg.cli._saved import load_saved
    from embedreg.study import METRICS, bootstrap_intervals
    from embedreg.tasks import load_labelled

    regressor, spec = load_saved(model, cache=cache)
    table = load_labelled(data, target or str(spec.target), spec=spec)
    predictions = regressor.predict(table.records)
    intervals = bootstrap_intervals([table.y], [predictions], list(METRICS), resamples=bootstrap)
    if as_json:
        metrics = {name: {"value": i.mean, "low": i.low, "high": i.high} for name, i in intervals.items()}
        click.echo(
            json.dumps({"model": str(model), "data": str(data), "rows": len(table.y), "metrics": metrics})
        )
        return
    click.echo(
        f"{len(table.y)} rows of {data}; 95% intervals from {bootstrap} bootstrap resamples of the rows"
    )
    for name, interval in intervals.items():
        click.echo(_line(name, interval))


def _line(name: str, interval: Interval) -> str:
    return f"  {name:<12} {interval.mean:>10.4g}  [{interval.low:.4g}, {interval.high:.4g}]"
