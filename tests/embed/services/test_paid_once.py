"""Ten thousand texts with a service that fails, and a process that is killed: right vectors, paid for once.

The process is this file itself, run as a script.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from service_server import (
    DIMENSION,
    DROPPED,
    NOT_A_NUMBER,
    TOO_FEW,
    TRUNCATED,
    WRONG_DIMENSION,
    ServiceServer,
    status,
    vectors_of,
)

from embedreg.embed import EmbeddingCache, embed_texts, make_embedder

N = 10_000
TEXTS = [f"a text of the corpus, number {i}" for i in range(N)]
ITEMS, CONCURRENCY = 40, 4
FAULTS = [
    status(429),
    status(429, Retry_After="0.01"),
    status(500),
    status(503),
    TRUNCATED,
    DROPPED,
    TOO_FEW,
    NOT_A_NUMBER,
    WRONG_DIMENSION,
]


def one_in_five(asked):
    """Choose at random, by what is asked and how often it was, so that a run can be repeated."""
    before = sum(earlier.texts == asked.texts for earlier in asked_so_far(asked))
    draw = hashlib.sha256(f"{asked.texts[0]} {before}".encode()).digest()
    return FAULTS[draw[1] % len(FAULTS)] if draw[0] < 256 / 5 else None


def asked_so_far(asked):
    return SERVERS[-1].asked[: asked.number]


SERVERS: list[ServiceServer] = []


@pytest.fixture
def failing():
    with ServiceServer(one_in_five) as server:
        SERVERS.append(server)
        yield server


def model_at(url: str, service: str) -> str:
    where = f"{url}/v1" if service == "openai" else url
    settings = f"items={ITEMS}&concurrency={CONCURRENCY}&dimensions={DIMENSION}&backoff=0.005"
    return f"{service}:model?base_url={where}&{settings}"


def test_ten_thousand_texts_with_failures_are_paid_for_once(failing, service):
    embedder = make_embedder(model_at(failing.url, service))

    vectors = embed_texts(embedder, TEXTS, cache=EmbeddingCache())

    np.testing.assert_allclose(vectors, vectors_of(TEXTS), rtol=1e-6)
    assert len(failing.answered) == N
    assert set(failing.answered.values()) == {1}
    assert embedder.usage.requests == N // ITEMS
    assert 0.1 < embedder.usage.failures / len(failing.asked) < 0.3


def test_a_killed_run_pays_again_for_what_was_under_way_alone(failing, tmp_path, monkeypatch):
    monkeypatch.setenv("EMBEDREG_CACHE_DIR", str(tmp_path))
    failing.delay = 0.005
    command = [sys.executable, __file__, model_at(failing.url, "openai")]
    for share in (0.2, 0.5):
        process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
        deadline = time.monotonic() + 30
        while len(failing.answered) < share * N and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    killed_at = len(failing.answered)
    assert 0.5 * N <= killed_at < N

    embedder = make_embedder(model_at(failing.url, "openai"))
    vectors = embed_texts(embedder, TEXTS, cache=EmbeddingCache())

    np.testing.assert_allclose(vectors, vectors_of(TEXTS), rtol=1e-6)
    assert len(failing.answered) == N
    paid_again = sum(failing.answered.values()) - N
    assert paid_again <= 2 * CONCURRENCY * ITEMS, "two kills, with so many texts under way at each"


if __name__ == "__main__":
    embed_texts(make_embedder(sys.argv[1]), TEXTS, cache=EmbeddingCache(), progress=False)
