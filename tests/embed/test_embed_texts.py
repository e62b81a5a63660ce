"""embed_texts: each distinct text once, stored as it comes, right whatever happens to the cache."""

from __future__ import annotations

import errno
import hashlib
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedreg.core.errors import DataError, EmbedregWarning, ModelError, UsageError
from embedreg.core.protocols import Embedder
from embedreg.embed import _cache_shards, _embed_texts, _embedding_session
from embedreg.embed._cache import EmbeddingCache
from embedreg.embed._cache_errors import CacheError
from embedreg.embed._embed_texts import embed_texts, embed_texts_with_report

if TYPE_CHECKING:
    from pathlib import Path

D = 4


def vectors_of(texts: list[str]) -> np.ndarray:
    digests = [hashlib.sha256(text.encode()).digest()[: 2 * D] for text in texts]
    return np.array([np.frombuffer(digest, "<u2") for digest in digests], np.float32).reshape(len(texts), D)


class HashEmbedder:
    """Embeds by hash, shortest text first, a few at a time, and remembers what it was asked."""

    name = "hash"
    dimension = D

    def __init__(self, batch: int = 3, weights: str = "v1") -> None:
        self.batch = batch
        self.weights = weights
        self.seen: list[str] = []
        self.calls: list[int] = []

    def fingerprint(self):
        return {"weights": self.weights}

    def embed_batches(self, texts):
        self.calls.append(len(texts))
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for start in range(0, len(texts), self.batch):
            positions = order[start : start + self.batch]
            some = [texts[i] for i in positions]
            self.seen += some
            yield positions, vectors_of(some)


class Faulty(HashEmbedder):
    """Yields given batches after a good one with the first three texts."""

    def __init__(self, *batches) -> None:
        super().__init__()
        self.batches = batches

    def embed_batches(self, texts):
        yield [0, 1, 2], vectors_of(texts[:3])
        for batch in self.batches:
            if isinstance(batch, BaseException):
                raise batch
            yield batch


class CountingCache(EmbeddingCache):
    """Remembers how many vectors each `put` stored."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.puts: list[int] = []

    def put(self, fingerprint, texts, vectors, **options):
        super().put(fingerprint, texts, vectors, **options)
        self.puts.append(len(texts))


@pytest.fixture
def cache(tmp_path: Path) -> CountingCache:
    return CountingCache(tmp_path / "cache")


TEXTS = [f"text {'x' * (i % 7)}{i}" for i in range(20)]


def test_the_embedder_of_these_tests_is_one() -> None:
    assert isinstance(HashEmbedder(), Embedder)


@settings(deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=5), max_size=30), st.integers(1, 7))
def test_rows_are_in_the_order_of_the_texts_and_each_text_is_embedded_once(
    texts: list[str], batch: int
) -> None:
    embedder = HashEmbedder(batch)
    vectors = embed_texts(embedder, texts)
    assert vectors.shape == (len(texts), D)
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, vectors_of(texts))
    assert sorted(embedder.seen) == sorted(set(texts))


def test_no_texts_make_no_rows(cache: CountingCache) -> None:
    embedder = HashEmbedder()
    assert embed_texts(embedder, [], cache=cache).shape == (0, D)
    assert embedder.calls == []


def test_takes_any_sequence_of_texts() -> None:
    np.testing.assert_array_equal(embed_texts(HashEmbedder(), ("a", "b")), vectors_of(["a", "b"]))
    np.testing.assert_array_equal(embed_texts(HashEmbedder(), np.array(["a", "b"])), vectors_of(["a", "b"]))


def test_refuses_an_iterator() -> None:
    with pytest.raises(UsageError, match=r"a generator as texts.*list\(texts\)"):
        embed_texts(HashEmbedder(), (text for text in ["a"]))


def test_refuses_a_single_text() -> None:
    with pytest.raises(UsageError, match="one text"):
        embed_texts(HashEmbedder(), "text")


@pytest.mark.parametrize("odd", [None, 3, b"text", {"a": 1}])
def test_refuses_what_is_no_text_before_embedding(odd: object) -> None:
    embedder = HashEmbedder()
    with pytest.raises(DataError, match="as text 1"):
        embed_texts(embedder, ["a", odd, "b"])  # type: ignore[list-item]  # the mistake under test
    assert embedder.seen == []


def test_a_second_run_embeds_nothing(cache: CountingCache) -> None:
    texts = TEXTS + TEXTS[:5]
    first, report = embed_texts_with_report(HashEmbedder(), texts, cache=cache)
    assert (report.texts, report.distinct, report.from_cache, report.embedded, report.corrupt) == (
        25,
        20,
        0,
        20,
        0,
    )
    embedder = HashEmbedder()
    second, report = embed_texts_with_report(embedder, texts, cache=EmbeddingCache(cache.directory))
    assert (report.texts, report.distinct, report.from_cache, report.embedded, report.corrupt) == (
        25,
        20,
        20,
        0,
        0,
    )
    assert report.seconds > 0
    assert embedder.calls == []
    np.testing.assert_array_equal(first, second)
    assert [s.model for s in cache.stats().spaces] == ["hash"]


def test_embeds_only_what_is_missing(cache: CountingCache) -> None:
    embed_texts(HashEmbedder(), TEXTS[5:12], cache=cache)
    embedder = HashEmbedder()
    vectors = embed_texts(embedder, TEXTS, cache=cache)
    np.testing.assert_array_equal(vectors, vectors_of(TEXTS))
    assert sorted(embedder.seen) == sorted(TEXTS[:5] + TEXTS[12:])


def test_another_fingerprint_is_embedded_anew(cache: CountingCache) -> None:
    embed_texts(HashEmbedder(), TEXTS, cache=cache)
    embedder = HashEmbedder(weights="v2")
    embed_texts(embedder, TEXTS, cache=cache)
    assert len(embedder.seen) == len(TEXTS)


def test_gives_the_embedder_a_bounded_number_of_texts_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_embed_texts, "TEXTS_AT_ONCE", 8)
    embedder = HashEmbedder()
    np.testing.assert_array_equal(embed_texts(embedder, TEXTS), vectors_of(TEXTS))
    assert embedder.calls == [8, 8, 4]


def test_a_cached_run_is_fifty_times_faster_than_two_milliseconds_a_text(cache: CountingCache) -> None:
    texts = [f"a text of ordinary length, number {i}" for i in range(1000)]
    embed_texts(HashEmbedder(batch=500), texts, cache=cache)
    seconds = [embed_texts_with_report(HashEmbedder(), texts, cache=cache)[1].seconds for _ in range(5)]
    assert min(seconds) < 0.002 * len(texts) / 50


# --- when it is stored


def test_stores_what_comes_within_a_while_together(cache: CountingCache) -> None:
    embed_texts(HashEmbedder(), TEXTS, cache=cache)
    assert cache.puts == [20]


def test_stores_often_when_embedding_is_slow(cache: CountingCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_embedding_session, "_STORE_SECONDS", 0.0)
    monkeypatch.setattr(_embedding_session, "_STORE_SHARE", 1e9)
    embed_texts(HashEmbedder(batch=5), TEXTS, cache=cache)
    assert cache.puts == [5, 5, 5, 5]


def test_a_slow_disk_is_waited_for_less_often(cache: CountingCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_embedding_session, "_STORE_SECONDS", 0.0)
    put = cache.put
    monkeypatch.setattr(cache, "put", lambda *a, **k: (time.sleep(0.05), put(*a, **k)))
    embed_texts(HashEmbedder(batch=5), TEXTS, cache=cache)
    assert cache.puts == [5, 15]


def test_what_is_paid_for_is_stored_at_once_and_ordered_in_one_go(
    cache: CountingCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_embed_texts, "TEXTS_AT_ONCE", 8)
    embedder = HashEmbedder(batch=5)
    embedder.store_each_batch = True
    embed_texts(embedder, TEXTS, cache=cache)
    assert cache.puts == [5, 5, 5, 5]
    assert embedder.calls == [20]


@pytest.mark.parametrize("end", [KeyboardInterrupt(), RuntimeError("out of memory")])
def test_stores_what_it_has_when_interrupted(cache: CountingCache, end: BaseException) -> None:
    with pytest.raises(type(end)):
        embed_texts(Faulty(end), TEXTS, cache=cache)
    embedder = HashEmbedder()
    _, report = embed_texts_with_report(embedder, TEXTS, cache=cache)
    assert report.from_cache == 3
    assert sorted(embedder.seen) == sorted(TEXTS[3:])


# --- embedders that are wrong


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (([3], np.zeros((1, D + 1))), r"vectors of shape \(1, 5\) for 1 texts from hash"),
        (([3, 4], np.zeros((1, D))), r"vectors of shape \(1, 4\) for 2 texts"),
        (([3], np.zeros(D)), r"vectors of shape \(4,\)"),
        (([2], np.zeros((1, D))), "two vectors for one text"),
        (([3, 3], np.zeros((2, D))), "two vectors for one text"),
        (([20], np.zeros((1, D))), "position 20 of 20 texts"),
        (([-1], np.zeros((1, D))), "position -1 of 20 texts"),
        (([3], np.full((1, D), np.nan)), f"NaN or infinity from hash for the text '{TEXTS[3]}'"),
        (([3], np.full((1, D), np.inf)), "NaN or infinity"),
        (([], np.zeros((0, D))), "no vector for 17 of 20 texts"),
        (([3.5], np.zeros((1, D))), r"positions \[3.5\] from hash"),
        (([3], [["a"] * D]), "a tuple as a batch .*expected \\(positions, vectors\\)"),
        (np.zeros((3, D)), "a ndarray as a batch"),
        (np.zeros((2, D)), "positions array"),
        (None, "a NoneType as a batch"),
    ],
)
def test_a_faulty_embedder_is_found_out_and_its_fault_not_stored(
    cache: CountingCache, batch: tuple[list[int], np.ndarray], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        embed_texts(Faulty(batch), TEXTS, cache=cache)
    found, vectors, _ = cache.get(HashEmbedder().fingerprint(), D, TEXTS)
    assert np.flatnonzero(found).tolist() == [0, 1, 2]
    np.testing.assert_array_equal(vectors[:3], vectors_of(TEXTS[:3]))


def test_an_embedder_may_yield_an_empty_batch() -> None:
    embedder = Faulty(([], np.zeros((0, D))), (list(range(3, 20)), vectors_of(TEXTS[3:])))
    np.testing.assert_array_equal(embed_texts(embedder, TEXTS), vectors_of(TEXTS))


# --- caches that are in trouble


def test_damaged_vectors_are_embedded_again_and_reported_once(cache: CountingCache) -> None:
    embed_texts(HashEmbedder(), TEXTS, cache=cache)
    (shard,) = cache.directory.glob("*.f32")
    data = bytearray(shard.read_bytes())
    data[0] ^= 255
    data[-1] ^= 255
    shard.write_bytes(data)

    embedder = HashEmbedder()
    with pytest.warns(EmbedregWarning, match="2 vectors .* missing or damaged") as caught:
        vectors, report = embed_texts_with_report(embedder, TEXTS, cache=cache)
    assert len(caught) == 1
    np.testing.assert_array_equal(vectors, vectors_of(TEXTS))
    assert (report.from_cache, report.embedded, report.corrupt) == (18, 2, 2)
    assert len(embedder.seen) == 2
    assert embed_texts_with_report(HashEmbedder(), TEXTS, cache=cache)[1].from_cache == 20


def test_a_directory_that_cannot_be_used_costs_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_embedding_session, "_STORE_SECONDS", 0.0)
    (tmp_path / "file").write_text("")
    cache = EmbeddingCache(tmp_path / "file" / "cache")
    with pytest.warns(EmbedregWarning, match="without its cache: .*EMBEDREG_CACHE_DIR") as caught:
        vectors = embed_texts(HashEmbedder(), TEXTS, cache=cache)
    assert len(caught) == 1
    np.testing.assert_array_equal(vectors, vectors_of(TEXTS))


def test_a_disk_that_fills_up_costs_one_warning_and_no_vector(
    cache: CountingCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_embedding_session, "_STORE_SECONDS", 0.0)
    monkeypatch.setattr(_embedding_session, "_STORE_SHARE", 1e9)
    append = _cache_shards.append

    def room_for_two(path: Path, vectors: np.ndarray) -> int:
        if len(cache.puts) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return append(path, vectors)

    monkeypatch.setattr(_cache_shards, "append", room_for_two)
    with pytest.warns(EmbedregWarning, match="No space left on device.*free space") as caught:
        vectors = embed_texts(HashEmbedder(batch=4), TEXTS, cache=cache)
    assert len(caught) == 1
    np.testing.assert_array_equal(vectors, vectors_of(TEXTS))
    assert cache.puts == [4, 4]
    assert cache.get(HashEmbedder().fingerprint(), D, TEXTS).found.sum() == 8


def test_a_damaged_index_is_passed_by_until_it_is_cleared(cache: CountingCache) -> None:
    embed_texts(HashEmbedder(), TEXTS, cache=cache)
    (cache.directory / "index.sqlite").write_bytes(b"garbage" * 1000)
    with pytest.warns(EmbedregWarning, match="embedreg cache clear"):
        vectors = embed_texts(HashEmbedder(), TEXTS, cache=cache)
    np.testing.assert_array_equal(vectors, vectors_of(TEXTS))
    cache.clear()
    embed_texts(HashEmbedder(), TEXTS, cache=cache)
    assert embed_texts_with_report(HashEmbedder(), TEXTS, cache=cache)[1].from_cache == 20


def test_an_interruption_is_not_hidden_by_a_cache_in_trouble(
    cache: CountingCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise CacheError("trouble", expected="none", mend="rest")

    monkeypatch.setattr(cache, "put", broken)
    with pytest.warns(EmbedregWarning, match="trouble"), pytest.raises(KeyboardInterrupt):
        embed_texts(Faulty(KeyboardInterrupt()), TEXTS, cache=cache)


# --- progress


class Bar:
    """A progress bar that remembers."""

    def __init__(self, total: int, description: str, unit: str) -> None:
        self.total, self.description, self.done = total, description, 0

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self, n: int) -> None:
        self.done += n


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> list[Bar]:
    made: list[Bar] = []

    def make(*arguments) -> Bar:
        made.append(Bar(*arguments))
        return made[-1]

    monkeypatch.setattr(_embedding_session, "progress_bar", make)
    return made


def test_progress_is_over_the_missing_texts(cache: CountingCache, bars: list[Bar]) -> None:
    embed_texts(HashEmbedder(), TEXTS[:8], cache=cache, progress=False)
    assert bars == []
    embed_texts(HashEmbedder(), TEXTS, cache=cache, description="rows")
    assert [(bar.total, bar.done, bar.description) for bar in bars] == [(12, 12, "rows")]
    embed_texts(HashEmbedder(), TEXTS, cache=cache)
    assert len(bars) == 1, "there is nothing to wait for"


class Caseless(HashEmbedder):
    """Reads no capitals."""

    def embed_batches(self, texts):
        yield from super().embed_batches([text.lower() for text in texts])


@pytest.mark.parametrize("cached", [False, True])
def test_texts_that_the_model_does_not_tell_apart_are_warned_of_each_time(cached, tmp_path: Path):
    cache = EmbeddingCache(tmp_path) if cached else None
    texts = [f"Model {i}" for i in range(18)] + ["MODEL 3", "MODEL 4", "MODEL 4"]
    for _ in range(2):
        with pytest.warns(
            EmbedregWarning, match="hash gives more than 1 in 20 of the texts the vector of another"
        ):
            vectors = embed_texts(Caseless(), texts, cache=cache)
        np.testing.assert_array_equal(vectors[[3, 4, 4]], vectors[18:])


def test_one_pair_of_many_texts_that_are_alike_is_not_warned_of():
    embed_texts(Caseless(), [f"Model {i}" for i in range(30)] + ["MODEL 4"])


def test_equal_texts_and_one_text_are_not_warned_of():
    embed_texts(Caseless(), ["a", "a", "a"])
    embed_texts(Caseless(), [])


@pytest.mark.parametrize("given", [None, 3])
def test_an_embedder_that_gives_no_batches_is_told_what_to_yield(given: object) -> None:
    embedder = HashEmbedder()
    embedder.embed_batches = lambda _: given  # type: ignore[method-assign, assignment, return-value]
    with pytest.raises(ModelError, match="as batches from hash; expected .*embed_batches"):
        embed_texts(embedder, TEXTS)


@pytest.mark.parametrize("dimension", ["3", 3.0, 0, None])
def test_a_dimension_that_is_no_whole_number_is_told_of(dimension: object) -> None:
    embedder = type("Odd", (HashEmbedder,), {"dimension": dimension})()
    with pytest.raises(ModelError, match=f"dimension {dimension!r} of the embedder hash"):
        embed_texts(embedder, TEXTS)
