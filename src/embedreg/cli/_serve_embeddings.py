"""`embedreg serve-embeddings`."""

from __future__ import annotations

from typing import Any

import click


@click.command("serve-embeddings")
@click.option(
    "--model", default="minilm", show_default=True, help="Catalogue name, or a Hugging Face directory."
)
@click.option(
    "--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--cache/--no-cache", default=True, show_default=True, help="Keep and reuse embeddings.")
def serve_embeddings(model: str, port: int, host: str, cache: bool) -> None:
    """Serve a model's embeddings by HTTP, as OpenAI's /v1/embeddings does, until Ctrl-C.

    The first line on stdout is the base URL for clients. There are no keys and no encryption: it is for programs on this
    machine.
    """
    import signal

    from embedreg.embed import EmbeddingCache, EmbeddingEndpoint, make_embedder

    endpoint = EmbeddingEndpoint(
        make_embedder(model), cache=EmbeddingCache() if cache else None, host=host, port=port
    )
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        click.echo(endpoint.url)
        endpoint.serve()
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
    finally:
        endpoint.release()
        signal.signal(signal.SIGTERM, before)


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt
