"""`embedreg models`: the catalogue of language models."""

from __future__ import annotations

from typing import Any

import click

from embedreg.cli._options import json_option


@click.group()
def models() -> None:
    """Language models that are known by name, and their weights on this machine."""


@models.command("list")
@json_option
def list_models(as_json: bool) -> None:
    """List every model with its size, licence and where its weights are."""
    import json

    from embedreg.embed import catalogue

    rows = [_row(entry) for entry in catalogue().values()]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    click.echo(f"{'name':<18} {'kind':<12} {'dimension':>9} {'parameters':>10}  {'licence':<16} here")
    for row in rows:
        size = f"{row['parameters'] / 1e6:.1f}M"
        click.echo(
            f"{row['name']:<18} {row['kind']:<12} {row['dimension']:>9} {size:>10}  {row['licence']:<16} {row.get('path', 'no')}"
        )


@models.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
def pull(names: tuple[str, ...]) -> None:
    """Fetch the weights of NAME, check their sha256 and keep them."""
    from embedreg import embed

    for name in names:
        click.echo(f"{name} is in {embed.pull(name)}")


@models.command()
@click.argument("names", metavar="[NAME...]", nargs=-1)
def verify(names: tuple[str, ...]) -> None:
    """Hash the weights that are here again; all of them, or those of NAME."""
    from embedreg import embed
    from embedreg.core.errors import ModelError

    here = [name for name, entry in embed.catalogue().items() if embed.installed_path(entry)]
    damaged = []
    for name in names or here:
        try:
            embed.verify(name)
        except ModelError as error:
            damaged.append(name)
            click.echo(f"{name}: {error}", err=True)
        else:
            known = embed.catalogue()[name].sha256
            click.echo(f"{name}: {'as published' if known else 'as it first came; not verified'}")
    if damaged:
        raise ModelError(
            f"other weights than published for {', '.join(damaged)}",
            expected="the sha256 of the catalogue",
            mend=f"embedreg models pull {' '.join(damaged)}",
        )


def _row(entry: Any) -> dict[str, Any]:
    from embedreg.embed import installed_path
    from embedreg.embed._published_pooling import offer

    keys = ("name", "kind", "dimension", "window", "parameters", "licence", "sha256", "description")
    path = installed_path(entry)
    here = {"path": str(path), "model_pooling": offer(path)} if path else {}
    return {key: getattr(entry, key) for key in keys} | here
