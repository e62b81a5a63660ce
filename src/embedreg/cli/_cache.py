"""`embedreg cache`: the embeddings that are kept."""

from __future__ import annotations

import click

from embedreg.cli._options import finite, json_option


@click.group()
def cache() -> None:
    """Embeddings that were computed once and are kept; `EMBEDREG_CACHE_DIR` says where."""


@cache.command()
@json_option
def stats(as_json: bool) -> None:
    """Say how many embeddings are kept, by which models, and their size."""
    import dataclasses
    import json

    from embedreg.embed import EmbeddingCache

    found = EmbeddingCache().stats()
    click.echo(json.dumps(dataclasses.asdict(found), default=str, indent=1) if as_json else str(found))


@cache.command()
def verify() -> None:
    """Read every embedding, check it and remove those that were damaged; they are made again when needed."""
    from embedreg.embed import EmbeddingCache

    click.echo(str(EmbeddingCache().verify()))


@cache.command()
@click.option(
    "--max-gb",
    type=click.FloatRange(min=0),
    callback=finite,
    help="Remove the oldest until no more than this is kept.",
)
@click.option(
    "--older-than",
    "days",
    metavar="DAYS",
    type=click.FloatRange(min=0),
    callback=finite,
    help="Remove what is older.",
)
def prune(max_gb: float | None, days: float | None) -> None:
    """Remove old embeddings, and what interrupted runs left behind."""
    from embedreg.embed import EmbeddingCache

    max_bytes = None if max_gb is None else int(max_gb * 1e9)
    click.echo(str(EmbeddingCache().prune(max_bytes=max_bytes, older_than_days=days)))


@cache.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def clear(yes: bool) -> None:
    """Remove every embedding; the models' weights stay."""
    from embedreg.core.errors import UsageError
    from embedreg.embed import EmbeddingCache

    embeddings = EmbeddingCache()
    if not yes:
        try:
            sure = click.confirm(f"Remove all embeddings in {embeddings.directory}?", err=True)
        except click.Abort:
            raise UsageError(
                "no answer", expected="y or n", mend="give --yes where nobody can answer"
            ) from None
        if not sure:
            click.echo("nothing was removed")
            return
    embeddings.clear()
    click.echo(f"removed all embeddings in {embeddings.directory}")
