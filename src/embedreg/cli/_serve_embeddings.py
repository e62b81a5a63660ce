"""`embedreg serve-embeddings`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from embedreg.core.protocols import Embedder

_ROUNDING: Final = {
    "",
    "dtype",
    "device",
    "batch_tokens",
}  # settings that change vectors by rounding alone, if at all
_ROUGH: Final = "dtype=int8"


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

    The first line on stdout is the base URL for clients. A model with settings, such as minilm?pooling=max, is served under
    a name of its own, so that clients' caches tell it from others; it is said on stderr. There are no keys and no
    encryption: it is for programs on this machine.
    """
    import signal

    from embedreg.embed import EmbeddingCache, EmbeddingEndpoint, make_embedder

    embedder = make_embedder(model)
    endpoint = EmbeddingEndpoint(
        embedder,
        name=model_name(model, embedder),
        cache=EmbeddingCache() if cache else None,
        host=host,
        port=port,
    )
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        click.echo(endpoint.url)
        click.echo(f"model: {endpoint.name}", err=True)
        endpoint.serve()
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
    finally:
        endpoint.release()
        signal.signal(signal.SIGTERM, before)


def model_name(model: str, embedder: Embedder) -> str:
    """Return the model's name in requests, with a digest of its settings where they give other vectors, not only rounding."""
    import hashlib
    import json

    settings = model.partition("?")[2].split("&")
    if _ROUGH not in settings and {setting.partition("=")[0] for setting in settings} <= _ROUNDING:
        return embedder.name
    fingerprint = json.dumps(dict(embedder.fingerprint()), sort_keys=True)
    return f"{embedder.name}-{hashlib.sha256(fingerprint.encode()).hexdigest()[:8]}"


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt
