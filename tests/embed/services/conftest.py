"""A local service, and embedders of both kinds that ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from service_server import DIMENSION, ServiceServer

from embedreg.embed import make_embedder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = "a-key-that-nobody-may-see-1234567890"


@pytest.fixture
def server() -> Iterator[ServiceServer]:
    with ServiceServer() as running:
        yield running


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    """The key of the tests, in an environment without any other setting of a service."""
    import os

    for name in list(os.environ):
        if name.startswith(("OPENAI_", "AZURE_", "GOOGLE_", "GEMINI_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    return KEY


@pytest.fixture(params=["openai", "gemini"])
def service(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def make(server: ServiceServer, service: str) -> Callable[..., Any]:
    """Make an embedder with these settings in its string; quick to try again, and of a known dimension."""

    def make_one(model: str = "model", **settings: Any) -> Any:
        base_url = {"openai": f"{server.url}/v1", "gemini": server.url}[service]
        own = {"base_url": base_url, "dimensions": DIMENSION, "backoff": 0.01, **settings}
        query = "&".join(f"{name}={value}" for name, value in own.items() if value is not None)
        return make_embedder(f"{service}:{model}?{query}")

    return make_one
