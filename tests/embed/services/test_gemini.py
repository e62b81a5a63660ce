"""What is Google's own: contents, task types, Vertex."""

from __future__ import annotations

import numpy as np
import pytest
from service_server import vectors_of

from embedreg.core.errors import UsageError
from embedreg.embed import embed_texts, make_embedder

TEXTS = ["adam", "sgd", "rmsprop"]


@pytest.mark.parametrize("model", ["gemini-embedding-001", "gemini-embedding-2", "models/text-embedding-004"])
def test_each_text_is_a_content_of_its_own(server, model):
    embedder = make_embedder(
        f"gemini:{model}?base_url={server.url}&dimensions=5&task_type=semantic_similarity"
    )

    np.testing.assert_allclose(embed_texts(embedder, TEXTS), vectors_of(TEXTS, 5), rtol=1e-6)

    [asked] = server.asked
    assert asked.path.endswith(f"/models/{model.removeprefix('models/')}:batchEmbedContents")
    assert [part["content"]["parts"] for part in asked.body["requests"]] == [[{"text": t}] for t in TEXTS]
    assert {part["taskType"] for part in asked.body["requests"]} == {"SEMANTIC_SIMILARITY"}
    assert {part["outputDimensionality"] for part in asked.body["requests"]} == {5}


def test_task_type_and_dimensions_are_in_the_fingerprint():
    strings = ("", "?task_type=CLUSTERING", "?task_type=CLASSIFICATION", "?dimensions=768")
    prints = [str(make_embedder(f"gemini:gemini-embedding-001{s}").fingerprint()) for s in strings]

    assert len(set(prints)) == len(prints)


def test_one_content_a_request(server):
    embed_texts(make_embedder(f"gemini:m?base_url={server.url}&dimensions=5&items=1"), TEXTS)

    assert sorted(asked.texts for asked in server.asked) == sorted([text] for text in TEXTS)


@pytest.mark.parametrize(("model", "requests"), [("gemini-embedding-001", 3), ("text-embedding-005", 1)])
def test_vertex_by_the_environment(server, monkeypatch, model, requests):
    monkeypatch.delenv("GEMINI_API_KEY")
    monkeypatch.setenv("GOOGLE_API_KEY", "a-key-of-vertex")
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    embedder = make_embedder(f"gemini:{model}?base_url={server.url}&dimensions=5")

    np.testing.assert_allclose(embed_texts(embedder, TEXTS), vectors_of(TEXTS, 5), rtol=1e-6)

    assert len(server.asked) == requests, "its Gemini models take one text a request"
    assert all(asked.path.endswith((f"{model}:embedContent", f"{model}:predict")) for asked in server.asked)
    assert all("key-of-vertex" not in asked.path for asked in server.asked)
    assert embedder.fingerprint()["service"] == "vertex"


def test_vertex_without_credentials(server, monkeypatch, tmp_path):
    for name in ("GEMINI_API_KEY",):
        monkeypatch.delenv(name)
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "nothing.json"))

    with pytest.raises(UsageError, match=r"from Google's client.*gcloud auth"):
        embed_texts(make_embedder("gemini:gemini-embedding-001"), TEXTS)


def test_known_models():
    embedder = make_embedder("gemini:gemini-embedding-001")

    assert (embedder.known_dimension, embedder.price) == (3072, 0.15)
