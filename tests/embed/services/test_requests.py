"""How requests are filled, paced, counted, and stopped."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time

import numpy as np
import pytest
from service_server import DIMENSION, Fault, status, vectors_of

from embedreg.core.errors import DataError, EmbedregWarning, ModelError, UsageError
from embedreg.embed import EmbeddingCache, embed_texts, make_embedder, plan_embedding
from embedreg.embed.services._spending import SpendingCapError

TEXTS = [f"text number {i}" for i in range(20)]


def cached(embedder, texts=TEXTS):
    return EmbeddingCache().get(embedder.fingerprint(), DIMENSION, texts).found


def test_requests_are_filled_to_the_limit_of_items(server, make):
    embed_texts(make(items=8, concurrency=1), TEXTS)

    assert [len(asked.texts) for asked in server.asked] == [8, 8, 4]


def test_requests_are_filled_to_the_limit_of_tokens_and_of_bytes(server, make):
    tokens = plan_embedding(make(), TEXTS[:3]).tokens
    embed_texts(make(tokens=tokens, concurrency=1), TEXTS[:9])
    by_tokens = [len(asked.texts) for asked in server.asked]
    server.asked.clear()
    embed_texts(make(bytes=2 * len('"text number 0",'), concurrency=1), TEXTS[:9])

    assert by_tokens == [3, 3, 3]
    assert [len(asked.texts) for asked in server.asked] == [2, 2, 2, 2, 1]


@pytest.mark.parametrize("concurrency", [1, 3])
def test_no_more_requests_at_once_than_allowed(server, make, concurrency):
    server.delay = 0.02

    embed_texts(make(items=1, concurrency=concurrency), TEXTS)

    assert server.most_at_once == concurrency


def test_each_answer_is_stored_before_the_next_request_goes_out(server, make):
    unsaved = []
    embedder = make(items=2, concurrency=2)

    def note(asked):
        sent = [text for earlier in server.asked for text in earlier.texts]
        unsaved.append(len(sent) - int(cached(embedder, sent).sum()))

    server.fault = note
    embed_texts(embedder, TEXTS, cache=EmbeddingCache())

    assert len(unsaved) == 10
    assert max(unsaved) <= 2 * 2, "two requests of two texts"


def test_requests_a_minute(server, make):
    embed_texts(make(items=4, rpm=600), TEXTS)

    times = [asked.time for asked in server.asked]
    assert len(times) == 5
    assert times[-1] - times[0] >= 0.38
    assert min(np.diff(times)) >= 0.06


def test_tokens_a_minute(server, make):
    tokens = plan_embedding(make(), TEXTS[:4]).tokens

    embed_texts(make(items=4, tpm=tokens * 600), TEXTS)

    times = [asked.time for asked in server.asked]
    assert times[-1] - times[0] >= 0.38


def test_what_other_requests_brought_is_kept_when_one_fails(server, make):
    three_are_there = threading.Barrier(3)

    def fail_one(asked):
        three_are_there.wait(timeout=30)
        return status(400) if "text number 0" in asked.texts else Fault(delay=0.1)

    server.fault = fail_one
    embedder = make(items=2, concurrency=3)

    with pytest.raises(ModelError, match="status 400"):
        embed_texts(embedder, TEXTS, cache=EmbeddingCache())

    assert np.flatnonzero(cached(embedder)).tolist() == [2, 3, 4, 5]
    assert len(server.asked) == 3


def test_ctrl_c_keeps_what_was_under_way(server, make):
    embedder = make(items=2, concurrency=2)
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))

    def interrupt(asked):
        if asked.number == 2:
            timer.start()
        return Fault(delay=0.6 if asked.number >= 2 else 0.0)

    server.fault = interrupt
    with pytest.raises(KeyboardInterrupt):
        embed_texts(embedder, TEXTS, cache=EmbeddingCache())

    assert cached(embedder).sum() == 8, "what was sent before, and what was under way"
    assert len(server.asked) == 4


def test_usage_is_what_the_service_counted(server, make):
    embedder = make(items=8, price=1.5)

    embed_texts(embedder, TEXTS)

    assert embedder.usage.requests == 3
    assert embedder.usage.tokens == 3 * len(TEXTS)
    assert embedder.usage.cost == pytest.approx(3 * len(TEXTS) * 1.5e-6)


def test_the_cap_stops_before_it_is_passed_and_keeps_what_was_paid_for(server, make):
    tokens = plan_embedding(make(), TEXTS[:2]).tokens
    embedder = make(items=2, concurrency=2, price=1, max_cost=f"{3.9 * tokens * 1e-6:.9f}")

    with pytest.raises(SpendingCapError, match=r"raise max_cost.*cache"):
        embed_texts(embedder, TEXTS, cache=EmbeddingCache())

    paid = embedder.usage
    assert paid.requests == 4, "the service counts 6 tokens where 8 are estimated: 4 x 6 + 8 is too much"
    assert paid.cost <= 3.9 * tokens * 1e-6
    assert cached(embedder).sum() == 2 * paid.requests
    more = make(items=2)
    np.testing.assert_allclose(embed_texts(more, TEXTS, cache=EmbeddingCache()), vectors_of(TEXTS), rtol=1e-6)
    assert set(server.answered.values()) == {1}


def test_repeated_attempts_that_may_be_charged_count_towards_the_cap(server, make):
    server.fault = lambda _: Fault(kind="too few")
    tokens = plan_embedding(make(), TEXTS).tokens

    with pytest.raises(SpendingCapError):
        embed_texts(make(price=1, max_cost=f"{2.5 * tokens * 1e-6:.9f}"), TEXTS)

    assert len(server.asked) == 2


def test_a_cap_needs_a_price(make):
    with pytest.raises(UsageError, match=r"price is not known.*add price="):
        make(max_cost=1)


def test_a_text_that_is_too_long_is_refused_before_anything_is_sent(server, make):
    with pytest.raises(
        DataError, match=r"1,000 tokens in the text at position 20.*at most 100.*truncate=true"
    ):
        embed_texts(make(text_tokens=100), [*TEXTS, "word " * 1000])

    assert server.asked == []


def test_truncating_is_opt_in_counted_and_another_vector(server, make):
    long = "word " * 1000
    embedder = make(text_tokens=100, truncate="true")

    with pytest.warns(EmbedregWarning, match="1 of 21 texts were cut to about 100 tokens"):
        vectors = embed_texts(embedder, [*TEXTS, long])

    np.testing.assert_allclose(vectors[-1:], vectors_of([("word " * 100)]), rtol=1e-6)
    assert embedder.fingerprint() != make().fingerprint()
    assert make().fingerprint() == make(text_tokens=100).fingerprint()


@pytest.mark.parametrize("blank", ["", " \n"])
def test_a_blank_text_is_refused_before_anything_is_sent(server, make, blank):
    with pytest.raises(DataError, match="a blank text at position 1"):
        list(make().embed_batches(["a", blank]))

    assert server.asked == []


def test_a_dimension_that_is_not_known_is_asked_for_once(server, make):
    embedder = make(dimensions=None)

    assert embedder.known_dimension is None
    assert (embedder.dimension, embedder.dimension, len(server.asked)) == (DIMENSION, DIMENSION, 1)
    assert embedder.usage.requests == 1


def test_vectors_that_are_kept_need_no_service_where_the_dimension_is_not_known(server, make):
    cache = EmbeddingCache()
    vectors = embed_texts(make(dimensions=None), TEXTS[:3], cache=cache)
    server.asked.clear()

    later = make(dimensions=None)
    np.testing.assert_array_equal(embed_texts(later, TEXTS[:3], cache=cache), vectors)
    assert server.asked == []
    with_one_more = embed_texts(later, TEXTS[:4], cache=cache)

    np.testing.assert_array_equal(with_one_more[:3], vectors)
    assert [asked.texts for asked in server.asked] == [TEXTS[3:4]]
    assert later.known_dimension == DIMENSION


def test_a_model_whose_vectors_have_another_length_than_those_that_are_kept_is_found_out(server, make):
    cache = EmbeddingCache()
    embed_texts(make(dimensions=None), TEXTS[:3], cache=cache)
    server.dimension = DIMENSION + 1

    with pytest.raises(ModelError, match=r"expected one vector of dimension .* `embedreg cache clear`"):
        embed_texts(make(dimensions=None), TEXTS[:4], cache=cache)


def test_vectors_of_two_lengths_leave_it_to_the_service_to_say(server, make):
    cache, embedder = EmbeddingCache(), make(dimensions=None)
    for length in (DIMENSION, DIMENSION + 1):
        cache.put(embedder.fingerprint(), [f"text {length}"], np.ones((1, length), np.float32))

    assert embed_texts(embedder, TEXTS[:2], cache=cache).shape == (2, DIMENSION)


def test_a_pickle_has_no_key_and_works(server, make, key):
    embedder = make()
    embed_texts(embedder, TEXTS)
    data = pickle.dumps(embedder)

    assert key.encode() not in data
    np.testing.assert_allclose(embed_texts(pickle.loads(data), TEXTS), vectors_of(TEXTS), rtol=1e-6)


def test_a_key_is_nowhere_in_what_is_written(server, make, key, tmp_path, monkeypatch):
    from embedreg import EmbeddingRegressor

    monkeypatch.setenv("EMBEDREG_CACHE_DIR", str(tmp_path / "cache"))
    base = f"{server.url}/v1" if make().name.startswith("openai") else server.url
    model = f"{make().name}?base_url={base}&dimensions={DIMENSION}"
    EmbeddingRegressor(model, head="ridge").fit(TEXTS, range(20)).save(tmp_path / "model")

    asked = len(server.asked)
    EmbeddingRegressor.load(tmp_path / "model").predict(TEXTS)

    assert len(server.asked) == asked, "every vector was in the cache"
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 4
    assert not any(key.encode() in path.read_bytes() for path in files)
    assert key in str(server.asked[0].headers), "or this test would prove nothing"


def test_two_minutes_of_pace_by_a_clock_of_our_own():
    from embedreg.embed.services._pace import Pace

    now = 0.0
    pace = Pace(requests=None, tokens=600, clock=lambda: now)
    starts = []
    for _ in range(30):
        now += pace.turn(50)
        starts.append(now)

    assert all(sum(1 for s in starts if t <= s < t + 60) * 50 <= 600 for t in starts)
    pace.hold(100)
    assert pace.turn(1) == pytest.approx(100)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("openai:m?dimension=3", r"setting of openai 'dimension'.*did you mean 'dimensions'"),
        ("gemini:m?tasktype=CLUSTERING", r"did you mean 'task_type'"),
        ("gemini:m?task_type=CLUSTER", r"did you mean 'CLUSTERING'"),
        ("openai:m?encoding=base32", r"did you mean 'base64'"),
        ("openai:m?items=0", r"items=0.*1 or more"),
        ("openai:m?timeout=never", r"timeout=never.*a number"),
        ("openai:m?rpm=0", r"rpm=0.*above 0"),
        ("openai:m?truncate=yes", r"truncate=yes.*true or false"),
        ("openai:m?key_env=HOME", r"key_env='HOME'.*_API_KEY"),
        ("openai:m?base_url=localhost", r"base_url=.localhost.*a URL"),
        ("openai:m?base_url=localhost:8000/v1", r"base_url=.localhost:8000/v1.*a URL"),
        ("openai:m?base_url=ftp://x", r"base_url=.ftp://x.*a URL"),
        ("openai:m?base_url=http://me:hush@h/v1", r"for h/v1 with a user name or a query"),
        ("openai:m?azure=true", "AZURE_OPENAI_ENDPOINT"),
        ("openai:", r"openai:MODEL"),
        ("gemini:", r"gemini:MODEL"),
    ],
)
def test_settings_that_are_wrong(model, said):
    with pytest.raises(UsageError, match=said) as caught:
        make_embedder(model)
    assert "hush" not in str(caught.value)


def test_a_key_in_the_string_is_refused_and_not_shown():
    with pytest.raises(UsageError, match="environment variables alone") as caught:
        make_embedder("openai:m?api_key=sk-very-secret")
    assert "very-secret" not in str(caught.value)


@pytest.mark.parametrize("model", ["openai:text-embedding-3-small", "gemini:gemini-embedding-001"])
def test_no_key(model, monkeypatch):
    for name in ("OPENAI_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name)

    with pytest.raises(UsageError, match=r"no key in the environment variable \w+_API_KEY"):
        embed_texts(make_embedder(model), ["a"])


def test_no_package(make, monkeypatch):
    import sys

    for name in ("openai", "google.genai"):
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(UsageError, match=r"pip install 'embedreg\[services\]'"):
        embed_texts(make(), ["a"])


def test_many_texts_are_planned_fast():
    started = time.process_time()  # which other work on the machine does not lengthen
    embedder = make_embedder("openai:text-embedding-3-small")

    plan = plan_embedding(embedder, [f'{{"lr": 0.{i}, "optimizer": "adam"}}' for i in range(10_000)])

    assert plan.requests == 5
    assert plan.cost == pytest.approx(plan.tokens * 0.02e-6)
    assert time.process_time() - started < 2
