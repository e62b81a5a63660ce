"""`embedreg evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from embedreg.cli._options import data_argument, json_option, model_argument, short

if TYPE_CHECKING:
    from embedreg.regressor import EmbeddingRegressor
    from embedreg.study.result import Interval
    from embedreg.tasks import LabelledTable

_FEWEST: Final = 2  # rows that can be ranked
_LEVELS: Final = (0.5, 0.8, 0.9)


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
    """Score a saved MODEL on labelled DATA: rank and linear correlation and errors, with 95% intervals.

    Where MODEL was fitted with --head auto, also how many true numbers its prediction intervals hold.
    """
    import json

    from embedreg.cli._saved import load_saved
    from embedreg.core.each_text_once import each_text_once
    from embedreg.core.errors import DataError, UsageError
    from embedreg.core.records import as_records
    from embedreg.core.targets import check_targets
    from embedreg.study import METRICS, bootstrap_intervals
    from embedreg.tasks import load_labelled

    regressor, spec = load_saved(model, cache=cache)
    table = load_labelled(data, target or str(spec.target), spec=spec)
    check_targets(table.y, as_records(table.records))
    if len(table.y) < _FEWEST:
        raise DataError(
            f"{len(table.y)} rows in {data}",
            expected=f"at least {_FEWEST} labelled rows, to rank them",
            mend="give more rows; `embedreg predict` takes a single one",
        )
    with each_text_once():
        if regressor.predict(table.records[:1]).ndim > 1:
            raise UsageError(
                f"{model}, which predicts several targets",
                expected="a model of one target",
                mend="fit one for this target; `embedreg predict` writes what it predicts",
            )
        predictions = regressor.predict(table.records)
        covered = _coverage(regressor, table) if hasattr(regressor, "ensemble_") else {}
    intervals = bootstrap_intervals([table.y], [predictions], list(METRICS), resamples=bootstrap)
    if as_json:
        metrics = {name: {"value": i.mean, "low": i.low, "high": i.high} for name, i in intervals.items()}
        found = {"model": str(model), "data": str(data), "rows": len(table.y), "metrics": metrics}
        click.echo(json.dumps(found | ({"intervals": covered} if covered else {})))
        return
    click.echo(
        f"{len(table.y)} rows of {data}; 95% intervals from {bootstrap} bootstrap resamples of the rows"
    )
    for name, interval in intervals.items():
        click.echo(_line(name, interval))
    for level, facts in covered.items():
        share, width = facts["covered"], facts["mean_width"]
        click.echo(f"  {level} intervals hold {share:.1%} of the true numbers; mean width {short(width)}")


def _coverage(regressor: EmbeddingRegressor, table: LabelledTable) -> dict[str, dict[str, float]]:
    """Return how many of the true numbers the intervals of each nominal coverage hold, and their width."""
    found = {}
    for level in _LEVELS:
        low, high = regressor.predict_interval(table.records, level).T
        held = (low <= table.y) & (table.y <= high)
        found[f"{level:.0%}"] = {
            "nominal": level,
            "covered": float(held.mean()),
            "mean_width": float((high - low).mean()),
        }
    return found


def _line(name: str, interval: Interval) -> str:
    return f"  {name:<12} {interval.mean:>10.4g}  [{interval.low:.4g}, {interval.high:.4g}]"
