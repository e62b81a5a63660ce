"""What is OpenAI's own: encodings, places, keys, Azure."""

from __future__ import annotations

import numpy as np
import pytest
from service_server import vectors_of

from embedreg.core.errors import UsageError
from embedreg.embed import embed_texts, make_embedder

TEXTS = ["adam", "sgd"]


def test_base64_and_float_are_the_same_vectors_with_the_same_fingerprint(server):
    models = [make_embedder(f"openai:m?base_url={server.url}/v1&encoding={e}") for e in ("base64", "float")]

    vectors = [embed_texts(model, TEXTS) for model in models]

    np.testing.assert_array_equal(vectors[0], vectors[1])
    assert models[0].fingerprint() == models[1].fingerprint()
    sent = {asked.body["encoding_format"] for asked in server.asked}
    assert sent == {"base64", "float"}


def test_the_place_comes_from_the_environment_and_is_in_the_fingerprint(server, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url.replace('//', '//me:hush@')}/v1")
    embedder = make_embedder("openai:m")

    np.testing.assert_allclose(embed_texts(embedder, TEXTS), vectors_of(TEXTS), rtol=1e-6)

    assert embedder.fingerprint()["place"] == server.url.removeprefix("http://") + "/v1"
    assert "hush" not in repr(embedder)
    assert make_embedder("openai:m?base_url=http://elsewhere/v1").fingerprint() != embedder.fingerprint()


def test_the_dimensions_are_asked_for_and_are_in_the_fingerprint(server):
    embedder = make_embedder(f"openai:m?base_url={server.url}/v1&dimensions=3")

    assert embed_texts(embedder, TEXTS).shape == (2, 3)
    assert server.asked[0].body["dimensions"] == 3
    assert make_embedder(f"openai:m?base_url={server.url}/v1").fingerprint() != embedder.fingerprint()


def test_the_key_of_another_variable(server, monkeypatch):
    monkeypatch.setenv("OTHER_API_KEY", "the-other-key")

    embed_texts(make_embedder(f"openai:m?base_url={server.url}/v1&key_env=OTHER_API_KEY"), TEXTS)

    assert server.asked[0].headers["authorization"] == "Bearer the-other-key"


def test_a_server_of_ones_own_needs_no_key(server, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")

    assert len(embed_texts(make_embedder(f"openai:m?base_url={server.url}/v1"), TEXTS)) == 2


def test_azure_by_its_own_variables(server, monkeypatch):
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", server.url)
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "an-azure-key")
    embedder = make_embedder("openai:my-deployment?azure=true")
    with pytest.raises(UsageError, match="OPENAI_API_VERSION"):
        embed_texts(embedder, TEXTS)
    monkeypatch.setenv("OPENAI_API_VERSION", "2024-10-21")

    np.testing.assert_allclose(embed_texts(embedder, TEXTS), vectors_of(TEXTS), rtol=1e-6)

    assert server.asked[-1].path == "/openai/deployments/my-deployment/embeddings?api-version=2024-10-21"
    assert server.asked[-1].headers["api-key"] == "an-azure-key"
    assert embedder.fingerprint()["service"] == "azure"


def test_azure_by_a_token(server, monkeypatch):
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", server.url)
    monkeypatch.setenv("AZURE_OPENAI_AD_TOKEN", "an-azure-token")
    monkeypatch.setenv("OPENAI_API_VERSION", "2024-10-21")

    embed_texts(make_embedder("openai:my-deployment?azure=true"), TEXTS)

    assert server.asked[-1].headers["authorization"] == "Bearer an-azure-token"


def test_known_models_are_known_at_openai_alone():
    ours, theirs = (
        make_embedder(f"openai:text-embedding-3-small{where}") for where in ("", "?base_url=http://here/v1")
    )

    assert (ours.known_dimension, ours.price) == (1536, 0.02)
    assert (theirs.known_dimension, theirs.price) == (None, None)
