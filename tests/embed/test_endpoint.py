"""The endpoint of `embedreg serve-embeddings`, asked by OpenAI's client, by hand, and by embedreg itself."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import openai
import pytest

from embedreg.cli._serve_embeddings import model_name
from embedreg.core.errors import OutputError
from embedreg.embed import EmbeddingCache, EmbeddingEndpoint, embed_texts, make_embedder
from embedreg.embed._catalogue import catalogue
from embedreg.embed._install import installed_path

TEXTS = ['{"lr": 0.1, "optimizer": "adam"}', "adam", '{"lr": 0.2}', "adam", "learning rate " * 100]


MINILM = installed_path(catalogue()["minilm"])
"""Where the weights are on this machine: a test fetches nothing."""


@pytest.fixture
def endpoint(tiny_bert):
    made = EmbeddingEndpoint(make_embedder(tiny_bert), cache=EmbeddingCache(), max_body_bytes=20_000)
    thread = threading.Thread(target=made.serve)
    thread.start()
    yield made
    made.close()
    thread.join()


def ask(endpoint, method, path, body=None):
    host, port = endpoint.url.removeprefix("http://").removesuffix("/v1").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    try:
        connection.request(
            method, path, body if body is None or isinstance(body, bytes) else json.dumps(body)
        )
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_equal_to_the_local_embedder_through_the_openai_string(endpoint, tiny_bert, encoding):
    service = make_embedder(f"openai:tiny-bert?base_url={endpoint.url}&encoding={encoding}&items=2")

    there, here = embed_texts(service, TEXTS), embed_texts(make_embedder(tiny_bert), TEXTS)

    np.testing.assert_allclose(there, here, atol=1e-5)
    assert service.dimension == 32


def test_openais_own_client_is_served(endpoint):
    with openai.OpenAI(base_url=endpoint.url, api_key="none") as client:
        one = client.embeddings.create(model="tiny-bert", input="adam")
        assert [model.id for model in client.models.list()] == ["tiny-bert"]
        assert client.models.retrieve("tiny-bert").id == "tiny-bert"

    assert len(one.data[0].embedding) == 32
    assert one.usage.prompt_tokens > 0


def test_a_model_with_settings_has_a_name_of_its_own(tiny_bert):
    names = {
        model_name(given, make_embedder(given))
        for given in (f"{tiny_bert}", f"{tiny_bert}?pooling=max", f"{tiny_bert}?pooling=last")
    }
    assert len(names) == 3
    assert "tiny-bert" in names
    assert all(name.startswith("tiny-bert") for name in names)
    endpoint = EmbeddingEndpoint(make_embedder(tiny_bert), name="mine")
    thread = threading.Thread(target=endpoint.serve)
    thread.start()
    try:
        assert ask(endpoint, "POST", "/v1/embeddings", {"model": "tiny-bert", "input": "a"})[0] == 404
        assert ask(endpoint, "POST", "/v1/embeddings", {"model": "mine", "input": "a"})[1]["model"] == "mine"
    finally:
        endpoint.close()
        thread.join()


@pytest.mark.parametrize(("setting", "own"), [("dtype=float32", False), ("dtype=int8", True)])
def test_only_rounding_needs_no_other_name(tiny_bert, setting, own):
    embedder = make_embedder(tiny_bert)
    assert (model_name(f"{tiny_bert}?{setting}", embedder) != embedder.name) == own


def test_what_is_asked_twice_comes_from_the_cache(endpoint):
    ask(endpoint, "POST", "/v1/embeddings", {"model": "tiny-bert", "input": TEXTS})

    assert EmbeddingCache().stats().entries == 4


def test_health(endpoint):
    assert ask(endpoint, "GET", "/health") == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("GET", "/v1/nothing", None, 404, "/v1/models"),
        ("POST", "/v1/chat", {}, 404, "/v1/embeddings"),
        ("POST", "/v1/embeddings", {"model": "gpt", "input": "a"}, 404, "there is 'tiny-bert'"),
        ("POST", "/v1/embeddings", b"{", 400, "no JSON"),
        ("POST", "/v1/embeddings", [], 400, "no JSON object"),
        ("POST", "/v1/embeddings", {"model": "tiny-bert"}, 400, "neither a text"),
        ("POST", "/v1/embeddings", {"model": "tiny-bert", "input": []}, 400, "without a text"),
        ("GET", "/v1/embeddings", None, 405, "send a POST"),
        ("POST", "/v1/embeddings", {"model": "tiny-bert", "input": [1, 2]}, 400, "token ids"),
        (
            "POST",
            "/v1/embeddings",
            {"model": "tiny-bert", "input": ["a", " "]},
            400,
            "blanks in the text of row 1",
        ),
        ("POST", "/v1/embeddings", {"model": "tiny-bert", "input": ["a"] * 2049}, 400, "at most 2048"),
        ("POST", "/v1/embeddings", {"model": "tiny-bert", "input": "a", "dimensions": 3}, 400, "has 32"),
        (
            "POST",
            "/v1/embeddings",
            {"model": "tiny-bert", "input": "a", "encoding_format": "x"},
            400,
            "float",
        ),
        ("POST", "/v1/embeddings", b"x" * 20_001, 413, "at most 20000"),
    ],
)
def test_what_cannot_be_answered(endpoint, method, path, body, status, said):
    found, page = ask(endpoint, method, path, body)

    assert found == status
    assert said in page["error"]["message"]
    assert page["error"]["type"] == "invalid_request_error"


def test_an_error_of_ours_is_a_500(endpoint, monkeypatch):
    from embedreg.core.errors import ModelError

    def fails(*_, **__):
        raise ModelError("nothing", expected="something", mend="rest")

    monkeypatch.setattr("embedreg.embed._endpoint.embed_texts", fails)

    assert ask(endpoint, "POST", "/v1/embeddings", {"model": "tiny-bert", "input": "a"})[0] == 500


def test_a_port_that_is_taken(endpoint, tiny_bert):
    port = int(endpoint.url.removesuffix("/v1").rpartition(":")[2])

    with pytest.raises(OutputError, match=r"listening on 127.0.0.1.*choose another --port"):
        EmbeddingEndpoint(make_embedder(tiny_bert), port=port)


def test_the_command_says_where_it_is_and_stops_cleanly(tiny_bert):
    process = start("--model", f"{tiny_bert}?dtype=float32")
    try:
        url = process.stdout.readline().strip()
        service = make_embedder(f"openai:tiny-bert?base_url={url}")
        np.testing.assert_allclose(
            embed_texts(service, TEXTS), embed_texts(make_embedder(tiny_bert), TEXTS), atol=1e-5
        )
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
    assert url.startswith("http://127.0.0.1:")
    assert (process.returncode, out, err) == (0, "", "model: tiny-bert\nstopped\n")


def test_minilm_by_the_command_is_minilm(tmp_path, monkeypatch):
    assert MINILM is not None, "this test needs the weights of minilm, which `make setup` fetches"
    (tmp_path / "minilm").symlink_to(MINILM)
    monkeypatch.setenv("EMBEDREG_MODELS", str(tmp_path))
    monkeypatch.setenv("EMBEDREG_OFFLINE", "1")
    process = start("--model", "minilm?dtype=float32")
    try:
        url = process.stdout.readline().strip()
        there = embed_texts(make_embedder(f"openai:minilm?base_url={url}"), TEXTS)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert process.returncode == 0
    np.testing.assert_allclose(there, embed_texts(make_embedder("minilm"), TEXTS), atol=1e-5)


def start(*words):
    command = [sys.executable, "-m", "embedreg", "serve-embeddings", "--port", "0", *map(str, words)]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def test_what_a_client_leaves_open_is_null(endpoint):
    asked = {"model": "tiny-bert", "input": "a", "encoding_format": None, "dimensions": None}
    status, page = ask(endpoint, "POST", "/v1/embeddings", asked)

    assert status == 200
    assert len(page["data"][0]["embedding"]) == 32
