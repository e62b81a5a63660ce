"""What every embedder owes to the cache and to the estimators, whichever engine it is."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from service_server import ServiceServer

from embedreg.core.protocols import Embedder
from embedreg.embed import make_embedder
from embedreg.embed._pooling import POOLINGS

TEXTS = ["adam", "learning rate " * 60, '{"lr": 0.1}', "adam", "x", "the model trains"]

ABLATIONS = [
    *({"pooling": name} for name in POOLINGS if name != "mean"),
    *({"layers": layers} for layers in (0, 1, -2, "all", "1-2", "mean", "mean:0-1")),
    {"weights": "random", "seed": 7},  # the tiny models are random themselves, of seed 0
    {"weights": "random", "seed": 1, "pooling": "last", "layers": "all"},
    {"forward": False},
    {"forward": False, "weights": "random", "pooling": "weighted"},
    {"prompt": "query: "},
    {"dtype": "bfloat16"},
]
COMBINED = [{"pooling": pooling, "layers": layers} for pooling in POOLINGS for layers in ("all", "mean:0-1")]


LOCAL = ["tiny_bert", "tiny_llama", "tiny_static"]
SERVICES = ["openai", "gemini"]


@pytest.fixture(params=LOCAL + SERVICES)
def make(request):
    if request.param in SERVICES:
        return request.getfixturevalue("make_service")(request.param)
    return local_maker(request, request.param)


def local_maker(request, name):
    path = request.getfixturevalue(name)
    return lambda **settings: make_embedder(path, **settings)


@pytest.fixture(params=["tiny_bert", "tiny_llama"])
def make_ablated(request):
    return local_maker(request, request.param)


def described(settings):
    return "&".join(f"{key}={value}" for key, value in settings.items())


@pytest.fixture
def make_service(monkeypatch):
    """Make embedders that ask a service on this machine through the services' own clients."""
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setenv("GEMINI_API_KEY", "none")
    with ServiceServer() as server:

        def maker(service):
            url = f"{server.url}/v1" if service == "openai" else server.url
            return lambda: make_embedder(f"{service}:model?base_url={url}&items=2")

        yield maker


def as_matrix(embedder, texts):
    found = {}
    for positions, vectors in embedder.embed_batches(texts):
        assert vectors.dtype == np.float32
        assert vectors.shape == (len(positions), embedder.dimension)
        assert not set(positions) & set(found), "each position once"
        found.update(zip(positions, vectors, strict=True))
    assert sorted(found) == list(range(len(texts)))
    return np.stack([found[i] for i in range(len(texts))])


def test_follows_the_protocol(make):
    embedder = make()

    assert isinstance(embedder, Embedder)
    assert embedder.name
    assert all(
        type(position) is int for positions, _ in embedder.embed_batches(TEXTS) for position in positions
    )


def test_each_position_once_and_equal_texts_alike(make):
    matrix = as_matrix(make(), TEXTS)

    np.testing.assert_allclose(matrix[0], matrix[3], rtol=0, atol=1e-5 * np.linalg.norm(matrix[0]))
    assert np.isfinite(matrix).all()


def test_a_vector_depends_on_its_text_alone(make):
    embedder = make()
    matrix = as_matrix(embedder, TEXTS)
    alone = np.concatenate([as_matrix(embedder, [text]) for text in TEXTS])

    error = np.abs(matrix - alone).max(axis=1)
    assert (error <= 1e-5 * np.linalg.norm(alone, axis=1)).all()


def test_repeats_exactly(make):
    np.testing.assert_array_equal(as_matrix(make(), TEXTS), as_matrix(make(), TEXTS))


def test_fingerprint_is_json_and_stable(make):
    first, second = make().fingerprint(), make().fingerprint()

    assert json.loads(json.dumps(first)) == dict(first) == dict(second)


def test_a_changed_fingerprint_does_not_change_the_embedder(make):
    embedder = make()
    before = dict(embedder.fingerprint())

    dict.clear(embedder.fingerprint())

    assert embedder.fingerprint() == before


@pytest.mark.parametrize("settings", ABLATIONS, ids=described)
def test_an_ablation_changes_vectors_and_fingerprint(make_ablated, settings):
    plain, other = make_ablated(), make_ablated(**settings)

    assert plain.fingerprint() != other.fingerprint()
    matrix = as_matrix(other, TEXTS)
    assert matrix.shape != as_matrix(plain, TEXTS).shape or not np.array_equal(
        matrix, as_matrix(plain, TEXTS)
    )


@pytest.mark.parametrize("settings", [*ABLATIONS, *COMBINED], ids=described)
def test_an_ablation_keeps_every_promise(make_ablated, settings):
    """A finite vector a text, each position once, by its text alone, the same again and after a pickle."""
    embedder = make_ablated(**settings)
    matrix = as_matrix(embedder, TEXTS)
    alone = np.concatenate([as_matrix(embedder, [text]) for text in TEXTS])

    assert np.isfinite(matrix).all()
    error = np.abs(matrix - alone).max(axis=1) / np.linalg.norm(alone, axis=1)
    assert error.max() <= (2e-2 if settings.get("dtype") == "bfloat16" else 1e-5)
    np.testing.assert_array_equal(as_matrix(pickle.loads(pickle.dumps(embedder)), TEXTS), matrix)
    assert json.loads(json.dumps(embedder.fingerprint())) == make_ablated(**settings).fingerprint()


def test_works_after_a_pickle(make):
    embedder = make()

    np.testing.assert_array_equal(
        as_matrix(pickle.loads(pickle.dumps(embedder)), TEXTS), as_matrix(embedder, TEXTS)
    )


def test_no_texts(make):
    assert list(make().embed_batches([])) == []
