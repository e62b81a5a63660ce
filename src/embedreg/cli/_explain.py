"""`embedreg explain`."""

from __future__ import annotations

from pathlib import Path

import click

from embedreg.cli._options import json_option, model_argument


@click.command()
@model_argument
@json_option
def explain(model: Path, as_json: bool) -> None:
    """Say what `fit` tried for MODEL, what it chose with which weight, and the error to expect."""
    import json

    from embedreg.regressor import EmbeddingRegressor

    found = EmbeddingRegressor.load(model).explain()
    each = found if isinstance(found, list) else [found]
    if as_json:
        click.echo(
            json.dumps([one.to_json() for one in each] if isinstance(found, list) else each[0].to_json())
        )
        return
    click.echo("\n\n".join(map(str, each)))
