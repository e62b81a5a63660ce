"""The cache under processes that are killed, write at once, or run out of disk.

The processes are this file itself, run as a script.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from embedreg.embed import _embedding_session
from embedreg.embed._cache import EmbeddingCache
from embedreg.embed._embed_texts import embed_texts, embed_texts_with_report

D = 384
MODEL = {"weights": "hash"}


def vectors_of(texts: list[str]) -> np.ndarray:
    rows = [
        np.tile(np.frombuffer(hashlib.sha256(text.encode()).digest(), np.uint8), D // 32) for text in texts
    ]
    return np.array(rows, np.float32).reshape(len(texts), D)


class HashEmbedder:
    """Embeds by hash, at a pace."""

    name = "hash"
    dimension = D
    store_each_batch = False

    def __init__(self, seconds_a_batch: float = 0.0) -> None:
        self.seconds_a_batch = seconds_a_batch
        self.embedded = 0

    def fingerprint(self):
        return MODEL

    def embed_batches(self, texts):
        for start in range(0, len(texts), 8):
            some = texts[start : start + 8]
            time.sleep(self.seconds_a_batch)
            self.embedded += len(some)
            yield list(range(start, start + len(some))), vectors_of(some)


# --- what the processes do


def put_for_ever(cache: EmbeddingCache, name: str) -> None:
    """Put seven texts at a time, and say so after each."""
    for i in itertools.count():
        texts = texts_of_put(name, i)
        cache.put(MODEL, texts, vectors_of(texts))
        say(i)


def put_now_and_then(cache: EmbeddingCache, name: str) -> None:
    """Put like `put_for_ever`, with pauses, in which others get the lock soon."""
    for i in itertools.count():
        texts = texts_of_put(name, i)
        cache.put(MODEL, texts, vectors_of(texts))
        say(i)
        time.sleep(0.01)


def texts_of_put(name: str, i: int) -> list[str]:
    return [f"{name}: put {i}, text {j}" for j in range(7)]


def put_some(cache: EmbeddingCache, name: str) -> None:
    """Put texts of one's own and texts that all processes put, and read them back, once told to start."""
    say("ready")
    sys.stdin.readline()
    for i in range(25):
        texts = [*texts_of_put(name, i), *texts_of_put("everyone", i)]
        cache.put(MODEL, texts, vectors_of(texts))
        found, vectors, corrupt = cache.get(MODEL, D, texts)
        assert found.all()
        assert corrupt == 0
        np.testing.assert_array_equal(vectors, vectors_of(texts))


class SayingCache(EmbeddingCache):
    """Says after each `put` how many vectors it stored."""

    def put(self, fingerprint, texts, vectors, **options):
        super().put(fingerprint, texts, vectors, **options)
        say(len(texts))


CORPUS = [f"a text of the corpus, number {i}" for i in range(6000)]


def embed_corpus(cache: EmbeddingCache, _: str) -> None:
    """Embed the corpus, slowly, storing often."""
    _embedding_session._STORE_SECONDS = 0.01
    _embedding_session._STORE_SHARE = 1.0
    embed_texts(HashEmbedder(0.004), CORPUS, cache=SayingCache(cache.directory), progress=False)


def embed_on_a_small_disk(cache: EmbeddingCache, room: str) -> None:
    """Embed the corpus where no file may grow beyond `room` bytes."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (int(room), int(room)))
    embedder = HashEmbedder()
    embedder.store_each_batch = True  # however fast the machine, the first batches find room
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        vectors = embed_texts(embedder, CORPUS, cache=cache, progress=False)
    np.testing.assert_array_equal(vectors, vectors_of(CORPUS))
    for warning in caught:
        say(warning.message)


def clear_on_a_full_disk(cache: EmbeddingCache, _: str) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    cache.clear()


def say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


# --- starting and killing them


def start(work, cache: EmbeddingCache, name: str) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, work.__name__, str(cache.directory), name]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def finished(process: subprocess.Popen[str]) -> list[str]:
    """Return the lines it said, once it has ended well."""
    said, complaint = process.communicate(timeout=60)
    assert process.returncode == 0, complaint
    return said.splitlines()


def killed(process: subprocess.Popen[str], seconds: float) -> list[str]:
    """Return the whole lines said by a process that gets SIGKILL that long after its first line."""
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(seconds)
    process.kill()
    said, complaint = process.communicate(timeout=60)
    assert process.returncode < 0, complaint
    return [line.rstrip("\n") for line in (first + said).splitlines(keepends=True) if line.endswith("\n")]


@pytest.fixture
def cache(tmp_path: Path) -> EmbeddingCache:
    return EmbeddingCache(tmp_path / "cache")


# --- tests


def test_every_put_that_returned_is_there_after_kill_9(cache: EmbeddingCache) -> None:
    moments = np.random.default_rng(0).uniform(0.0, 0.15, size=12)
    returned: dict[str, int] = {}
    for round_, seconds in enumerate(moments):
        name = f"round {round_}"
        returned[name] = len(killed(start(put_for_ever, cache, name), seconds))

        for earlier, count in returned.items():  # a kill spoils nothing older either
            texts = [text for i in range(count) for text in texts_of_put(earlier, i)]
            found, vectors, corrupt = cache.get(MODEL, D, texts)
            assert found.all()
            assert corrupt == 0
            np.testing.assert_array_equal(vectors, vectors_of(texts))

        underway = texts_of_put(name, returned[name])
        found, vectors, corrupt = cache.get(MODEL, D, underway)
        assert corrupt == 0
        assert found.all() or not found.any(), "a put is there as a whole or not at all"
        np.testing.assert_array_equal(vectors[found], vectors_of(underway)[found])
    assert cache.verify().corrupt == 0
    cache.prune()
    assert cache.stats().orphaned_bytes == 0


def test_the_rerun_after_kill_9_embeds_only_what_is_missing(cache: EmbeddingCache) -> None:
    moments = np.random.default_rng(1).uniform(0.0, 0.2, size=4)
    stored = 0
    for seconds in moments:
        stored += sum(map(int, killed(start(embed_corpus, cache, ""), seconds)))
        assert stored <= cache.stats().entries < len(CORPUS)

    kept = cache.stats().entries
    embedder = HashEmbedder()
    vectors, report = embed_texts_with_report(embedder, CORPUS, cache=cache)
    np.testing.assert_array_equal(vectors, vectors_of(CORPUS))
    assert report.from_cache == kept
    assert report.corrupt == 0
    assert embedder.embedded == report.embedded == len(CORPUS) - kept
    assert embed_texts_with_report(embedder, CORPUS, cache=cache)[1].embedded == 0


def test_processes_may_write_at_once(cache: EmbeddingCache) -> None:
    names = ["first", "second", "third"]
    with contextlib.ExitStack() as ended:
        processes = [ended.enter_context(start(put_some, cache, name)) for name in names]
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            finished(process)
    texts = [text for name in [*names, "everyone"] for i in range(25) for text in texts_of_put(name, i)]
    found, vectors, corrupt = cache.get(MODEL, D, texts)
    assert found.all()
    assert corrupt == 0
    np.testing.assert_array_equal(vectors, vectors_of(texts))
    assert cache.stats().entries == len(texts)


def test_pruning_while_others_write_spoils_nothing(cache: EmbeddingCache) -> None:
    process = start(put_now_and_then, cache, "writer")
    assert process.stdout is not None
    try:
        process.stdout.readline()
        for _ in range(10):
            cache.prune(max_bytes=50_000)
            assert cache.verify().corrupt == 0
            time.sleep(0.02)
        assert process.poll() is None, "the writer goes on"
    finally:
        process.kill()
        process.communicate()
    assert cache.stats().entries > 0


def test_a_disk_that_fills_up_costs_one_warning(cache: EmbeddingCache) -> None:
    pytest.importorskip("resource", reason="limits on a file's size are Unix's")
    room = 400_000
    said = finished(start(embed_on_a_small_disk, cache, str(room)))
    assert len(said) == 1
    assert "without its cache" in said[0]
    found, vectors, corrupt = cache.get(MODEL, D, CORPUS)
    assert 0 < found.sum() <= room // (D * 4)
    assert corrupt == 0
    np.testing.assert_array_equal(vectors[found], vectors_of(CORPUS)[found])


def test_a_full_disk_can_be_cleared(cache: EmbeddingCache) -> None:
    pytest.importorskip("resource", reason="limits on a file's size are Unix's")
    cache.put(MODEL, CORPUS, vectors_of(CORPUS))
    finished(start(clear_on_a_full_disk, cache, ""))
    assert list(cache.directory.glob("*.f32")) == []
    assert cache.stats().entries == 0


if __name__ == "__main__":
    globals()[sys.argv[1]](EmbeddingCache(Path(sys.argv[2])), sys.argv[3])
