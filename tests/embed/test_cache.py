"""The embedding cache: what is put is found, and nothing else ever is."""

from __future__ import annotations

import copy
import errno
import pickle
import sqlite3
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from embedreg.core.errors import ModelError, UsageError
from embedreg.embed import _cache, _cache_index, _cache_shards
from embedreg.embed._cache import EmbeddingCache
from embedreg.embed._cache_errors import CacheBusyError, CacheError

MODEL = {"weights": "53aa", "pooling": "mean", "layers": [1, 2], "window": 512}
D = 6


def vectors_of(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, D)).astype(np.float32)


def texts_of(n: int, prefix: str = "text") -> list[str]:
    return [f"{prefix} {i}" for i in range(n)]


@pytest.fixture
def cache(tmp_path: Path) -> EmbeddingCache:
    return EmbeddingCache(tmp_path / "cache")


@pytest.fixture
def filled(cache: EmbeddingCache) -> EmbeddingCache:
    cache.put(MODEL, texts_of(10), vectors_of(10), model="minilm")
    return cache


def shards_in(cache: EmbeddingCache) -> list[Path]:
    return sorted(cache.directory.glob("*.f32"))


def assert_holds(cache: EmbeddingCache, texts: list[str], vectors: np.ndarray) -> None:
    found, read, corrupt = cache.get(MODEL, D, texts)
    assert found.all()
    assert corrupt == 0
    np.testing.assert_array_equal(read, vectors)


# --- what is put is found


@settings(max_examples=30, deadline=None)  # each waits for the disk
@given(
    st.lists(st.text(st.characters(exclude_categories=())), unique=True, max_size=8).flatmap(
        lambda texts: st.tuples(
            st.just(texts), arrays(np.float32, (len(texts), 3), elements=st.floats(width=32))
        )
    )
)
def test_gives_back_the_same_bits_for_any_text(case: tuple[list[str], np.ndarray]) -> None:
    texts, vectors = case
    with tempfile.TemporaryDirectory() as directory:
        EmbeddingCache(Path(directory)).put(MODEL, texts, vectors)
        found, read, corrupt = EmbeddingCache(Path(directory)).get(MODEL, 3, texts)
    assert found.all()
    assert corrupt == 0
    assert read.tobytes() == vectors.tobytes()


def test_finds_nothing_in_a_new_directory(cache: EmbeddingCache) -> None:
    found, vectors, corrupt = cache.get(MODEL, D, ["a", "b"])
    assert not found.any()
    assert vectors.shape == (2, D)
    assert corrupt == 0


def test_looks_up_in_any_order_with_repetitions_and_strangers(filled: EmbeddingCache) -> None:
    found, read, _ = filled.get(MODEL, D, ["text 7", "new", "text 2", "text 7"])
    assert found.tolist() == [True, False, True, True]
    np.testing.assert_array_equal(read[[0, 2, 3]], vectors_of(10)[[7, 2, 7]])
    assert not read[1].any()


def test_looks_up_more_than_fits_one_query_or_one_round(
    cache: EmbeddingCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_cache, "_TEXTS_AT_ONCE", 700)
    cache.put(MODEL, texts_of(1500), vectors_of(1500))
    assert_holds(cache, texts_of(1500)[::-1], vectors_of(1500)[::-1])
    assert cache.verify().entries == 1500


def test_a_later_vector_takes_the_place_of_an_earlier_one(filled: EmbeddingCache) -> None:
    filled.put(MODEL, ["text 3"], vectors_of(1, seed=9))
    assert_holds(filled, ["text 3"], vectors_of(1, seed=9))
    assert filled.stats().entries == 10


@pytest.mark.parametrize(
    "other",
    [
        {**MODEL, "weights": "53ab"},
        {**MODEL, "pooling": "last"},
        {**MODEL, "layers": [2, 1]},
        {**MODEL, "window": "512"},
        {k: v for k, v in MODEL.items() if k != "window"},
        {**MODEL, "dtype": None},
    ],
)
def test_another_fingerprint_is_another_space(filled: EmbeddingCache, other: dict[str, object]) -> None:
    assert not filled.get(other, D, texts_of(10)).found.any()
    filled.put(other, texts_of(10), vectors_of(10, seed=1))
    assert_holds(filled, texts_of(10), vectors_of(10))


def test_the_order_of_a_fingerprints_keys_does_not_matter(filled: EmbeddingCache) -> None:
    assert filled.get(dict(reversed(MODEL.items())), D, texts_of(10)).found.all()


def test_another_dimension_is_another_space(filled: EmbeddingCache) -> None:
    found, _, corrupt = filled.get(MODEL, D - 1, texts_of(10))
    assert not found.any()
    assert corrupt == 0
    assert_holds(filled, texts_of(10), vectors_of(10))


@pytest.mark.parametrize("value", [{1, 2}, float("nan"), b"bytes"])
def test_refuses_a_fingerprint_that_is_no_json(cache: EmbeddingCache, value: object) -> None:
    with pytest.raises(ModelError, match="fingerprint that is no JSON"):
        cache.get({"weights": value}, D, ["a"])


def test_keeps_hashes_of_texts_only(cache: EmbeddingCache) -> None:
    cache.put(MODEL, ["a secret sentence"], vectors_of(1))
    assert all(b"secret" not in file.read_bytes() for file in cache.directory.iterdir())


# --- making one and copying one


def test_making_one_touches_nothing(cache: EmbeddingCache) -> None:
    assert not cache.directory.exists()
    assert (
        cache.stats().entries == cache.verify().entries == cache.prune().entries == cache.clear().entries == 0
    )
    cache.put(MODEL, [], np.zeros((0, D), np.float32))
    assert not cache.directory.exists()


def test_lives_in_the_users_cache_directory_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMBEDREG_CACHE_DIR", str(tmp_path))
    assert EmbeddingCache().directory == tmp_path / "embeddings"


@pytest.mark.parametrize("copied", [copy.deepcopy, copy.copy, lambda c: pickle.loads(pickle.dumps(c))])
def test_a_copy_goes_on_with_the_file_of_the_process(filled: EmbeddingCache, copied) -> None:
    twin = copied(filled)
    twin.put(MODEL, ["of the copy"], vectors_of(1, seed=1))
    filled.put(MODEL, ["of the first"], vectors_of(1, seed=2))
    assert len(shards_in(filled)) == 1
    assert_holds(filled, ["of the copy"], vectors_of(1, seed=1))
    assert_holds(twin, ["of the first"], vectors_of(1, seed=2))


def test_a_cache_that_is_opened_for_each_write_goes_on_with_one_file_in_all_threads(tmp_path: Path) -> None:
    texts, vectors = texts_of(30), vectors_of(30)

    def put(i: int) -> None:
        EmbeddingCache(tmp_path).put(MODEL, [texts[i]], vectors[[i]])

    for i in range(10):
        put(i)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(put, range(10, 30)))
    assert len(shards_in(EmbeddingCache(tmp_path))) == 1
    assert_holds(EmbeddingCache(tmp_path), texts, vectors)


def test_a_file_that_another_process_pruned_is_followed_by_a_new_one(filled: EmbeddingCache) -> None:
    EmbeddingCache(filled.directory).clear()
    EmbeddingCache(filled.directory).put(MODEL, ["after"], vectors_of(1))
    assert len(shards_in(filled)) == 1
    assert_holds(filled, ["after"], vectors_of(1))


def test_a_forked_process_writes_to_a_file_of_its_own(
    filled: EmbeddingCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_cache.os, "getpid", lambda: -1)
    filled.put(MODEL, ["in the child"], vectors_of(1))
    assert len(shards_in(filled)) == 2


def test_one_process_appends_to_one_file_until_it_is_full(
    filled: EmbeddingCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.put(MODEL, ["eleventh"], vectors_of(1))
    assert len(shards_in(filled)) == 1
    monkeypatch.setattr(_cache, "_SHARD_BYTES", 100)
    filled.put(MODEL, ["twelfth"], vectors_of(1))
    assert len(shards_in(filled)) == 2


def test_a_file_that_was_begun_long_ago_is_followed_by_a_new_one_so_that_age_can_be_pruned(
    filled: EmbeddingCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 86_400)
    filled.put(MODEL, ["a day later"], vectors_of(1))
    assert len(shards_in(filled)) == 2
    assert filled.prune(older_than_days=0.5).entries == 10
    assert_holds(filled, ["a day later"], vectors_of(1))


def test_threads_may_write_and_read_at_once(cache: EmbeddingCache) -> None:
    def work(i: int) -> None:
        for j in range(4):
            mine = texts_of(5, f"thread {i} round {j}")
            cache.put(MODEL, mine, vectors_of(5, seed=10 * i + j))
            assert_holds(cache, mine, vectors_of(5, seed=10 * i + j))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert cache.stats().entries == 6 * 4 * 5
    assert cache.verify().corrupt == 0


# --- damage


def flip_a_byte(shard: Path) -> None:
    data = bytearray(shard.read_bytes())
    data[3 * D * 4 + 5] ^= 1
    shard.write_bytes(data)


def cut_within_row_eight(shard: Path) -> None:
    shard.write_bytes(shard.read_bytes()[: 8 * D * 4 + 7])


def swap_first_two_rows(shard: Path) -> None:
    rows = np.fromfile(shard, "<f4").reshape(-1, D)
    rows[[1, 0]].tofile(shard)
    with shard.open("ab") as file:
        file.write(rows[2:].tobytes())


def zero_last_row(shard: Path) -> None:
    shard.write_bytes(shard.read_bytes()[: 9 * D * 4] + bytes(D * 4))


@pytest.mark.parametrize(
    ("damage", "lost"),
    [
        (flip_a_byte, [3]),
        (cut_within_row_eight, [8, 9]),
        (swap_first_two_rows, [0, 1]),
        (zero_last_row, [9]),
        (Path.unlink, list(range(10))),
    ],
)
def test_never_gives_a_damaged_vector(filled: EmbeddingCache, damage, lost: list[int]) -> None:
    damage(shards_in(filled)[0])
    found, read, corrupt = filled.get(MODEL, D, texts_of(10))
    assert np.flatnonzero(~found).tolist() == lost
    assert corrupt == len(lost)
    np.testing.assert_array_equal(read[found], vectors_of(10)[found])
    assert not read[~found].any()
    assert filled.get(MODEL, D, texts_of(10)).corrupt == 0, "it is reported once"

    filled.put(MODEL, [f"text {i}" for i in lost], vectors_of(10)[lost])
    assert_holds(filled, texts_of(10), vectors_of(10))


@pytest.mark.parametrize("damage", [flip_a_byte, Path.unlink])
def test_verify_removes_what_is_damaged(filled: EmbeddingCache, damage) -> None:
    damage(shards_in(filled)[0])
    first, second = filled.verify(), filled.verify()
    assert first.entries == 10
    assert first.corrupt in {1, 10}
    assert "damaged and removed" in str(first)
    assert (second.entries, second.corrupt) == (10 - first.corrupt, 0)
    assert "intact" in str(second)


def test_a_torn_row_at_the_end_spoils_nothing_after_it(filled: EmbeddingCache) -> None:
    with shards_in(filled)[0].open("ab") as file:
        file.write(b"torn")
    filled.put(MODEL, ["after it"], vectors_of(1, seed=1))
    assert_holds(filled, ["after it"], vectors_of(1, seed=1))
    assert_holds(filled, texts_of(10), vectors_of(10))


def test_a_writer_goes_on_after_its_file_was_deleted(filled: EmbeddingCache) -> None:
    shards_in(filled)[0].unlink()
    filled.put(MODEL, ["after it"], vectors_of(1, seed=1))
    assert_holds(filled, ["after it"], vectors_of(1, seed=1))
    found, _, corrupt = filled.get(MODEL, D, texts_of(10))
    assert not found.any(), "row 0 is another text's now"
    assert corrupt == 10


def test_what_failed_midway_is_not_there(filled: EmbeddingCache, monkeypatch: pytest.MonkeyPatch) -> None:
    add = _cache_index.Index.add

    def interrupted(*arguments) -> None:
        add(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(_cache_index.Index, "add", interrupted)
        with pytest.raises(KeyboardInterrupt):
            filled.put(MODEL, ["unfinished"], vectors_of(1))
    assert not filled.get(MODEL, D, ["unfinished"]).found.any()
    assert filled.stats().orphaned_bytes == D * 4
    filled.put(MODEL, ["unfinished"], vectors_of(1, seed=1))
    assert_holds(filled, ["unfinished"], vectors_of(1, seed=1))


def test_a_vector_pruned_while_it_is_read_is_missing_and_not_corrupt(
    filled: EmbeddingCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = _cache_shards.read

    def prune_first(*arguments):
        EmbeddingCache(filled.directory).prune(max_bytes=0)
        return read(*arguments)

    monkeypatch.setattr(_cache_shards, "read", prune_first)
    found, _, corrupt = filled.get(MODEL, D, texts_of(10))
    assert not found.any()
    assert corrupt == 0


def test_a_vector_replaced_while_it_is_read_stays(
    filled: EmbeddingCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = _cache_shards.read

    def replace_first(*arguments):
        patched.setattr(_cache.os, "getpid", lambda: -1)
        other = EmbeddingCache(filled.directory)
        other.put(MODEL, texts_of(10), vectors_of(10, seed=1))
        other.prune()
        return read(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(_cache_shards, "read", replace_first)
        found, _, corrupt = filled.get(MODEL, D, texts_of(10))
    assert not found.any()
    assert corrupt == 0
    assert_holds(filled, texts_of(10), vectors_of(10, seed=1))


# --- a directory that cannot be used


def every_use(cache: EmbeddingCache):
    yield lambda: cache.get(MODEL, D, ["a"])
    yield lambda: cache.put(MODEL, ["a"], vectors_of(1))
    yield cache.stats
    yield cache.verify
    yield cache.prune


def test_names_a_file_where_a_directory_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for use in every_use(EmbeddingCache(tmp_path / "file")):
        with pytest.raises(CacheError, match="set EMBEDREG_CACHE_DIR"):
            use()


def test_names_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for use in list(every_use(EmbeddingCache(tmp_path / "file" / "below")))[:2]:
        with pytest.raises(CacheError, match="may be written to"):
            use()


def test_a_damaged_index_says_how_to_mend_it(filled: EmbeddingCache) -> None:
    (filled.directory / "index.sqlite").write_bytes(b"no database at all" * 100)
    for use in every_use(filled):
        with pytest.raises(CacheError, match=r"damaged index.*embedreg cache clear"):
            use()


def test_an_index_with_overwritten_pages_says_how_to_mend_it(cache: EmbeddingCache) -> None:
    cache.put(MODEL, texts_of(2000), vectors_of(2000))
    path = cache.directory / "index.sqlite"
    path.write_bytes(path.read_bytes()[:4096] + bytes(path.stat().st_size - 4096))
    with pytest.raises(CacheError, match="embedreg cache clear"):
        cache.get(MODEL, D, texts_of(2000))


def set_schema(cache: EmbeddingCache, version: int) -> None:
    connection = sqlite3.connect(cache.directory / "index.sqlite")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()


def test_a_newer_schema_is_left_alone(filled: EmbeddingCache) -> None:
    set_schema(filled, 2)
    for use in every_use(filled):
        with pytest.raises(CacheError, match=r"schema 2.*schema 1 at most.*upgrade embedreg"):
            use()
    set_schema(filled, 1)
    assert_holds(filled, texts_of(10), vectors_of(10))


def test_many_may_make_the_same_new_cache_at_once(tmp_path: Path) -> None:
    everyone = threading.Barrier(8)

    def make(directory: Path) -> None:
        everyone.wait()
        EmbeddingCache(directory).put(MODEL, ["a"], vectors_of(1))

    with ThreadPoolExecutor(8) as threads:
        for i in range(30):
            list(threads.map(make, [tmp_path / str(i)] * 8))
            assert_holds(EmbeddingCache(tmp_path / str(i)), ["a"], vectors_of(1))


def test_a_lock_that_is_never_released_is_an_error(
    filled: EmbeddingCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_cache_index, "_BUSY_SECONDS", 0.05)
    connection = sqlite3.connect(filled.directory / "index.sqlite", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        assert_holds(filled, texts_of(10), vectors_of(10))
        for use in (lambda: filled.put(MODEL, ["a"], vectors_of(1)), filled.prune, filled.clear):
            with pytest.raises(CacheBusyError, match="another process keeps locked"):
                use()
    finally:
        connection.close()
    assert_holds(filled, texts_of(10), vectors_of(10))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_says_so_and_loses_nothing_older(
    filled: EmbeddingCache, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def no_room(*_: object) -> None:
        raise OSError(code, "No space left")

    with monkeypatch.context() as patched:
        patched.setattr(_cache_shards.os, "fsync", no_room)
        with pytest.raises(CacheError, match="free space"):
            filled.put(MODEL, ["too much"], vectors_of(1))
    assert not filled.get(MODEL, D, ["too much"]).found.any()
    assert_holds(filled, texts_of(10), vectors_of(10))


# --- housekeeping


def test_stats_tell_models_apart(filled: EmbeddingCache) -> None:
    filled.put({"weights": "other"}, ["a"], np.ones((1, 3), np.float32), model="mpnet")
    stats = filled.stats()
    assert [(s.model, s.entries, s.dimension, s.bytes) for s in stats.spaces] == [
        ("minilm", 10, D, 10 * D * 4),
        ("mpnet", 1, 3, 12),
    ]
    assert stats.spaces[0].fingerprint == MODEL
    assert stats.entries == 11
    assert stats.orphaned_bytes == 0
    assert stats.bytes == sum(file.stat().st_size for file in filled.directory.iterdir())
    assert "11 embeddings" in str(stats)
    assert "minilm: 10 of dimension 6, 240 bytes" in str(stats)


def test_prune_without_limits_removes_only_what_nothing_uses(filled: EmbeddingCache) -> None:
    stray = filled.directory / "stray.f32"
    stray.write_bytes(b"left by a killed run")
    with shards_in(filled)[0].open("ab") as file:
        file.write(b"tail")
    assert filled.stats().orphaned_bytes == len("left by a killed run") + len("tail")
    assert "unused: 24 bytes" in str(filled.stats())
    report = filled.prune()
    assert (report.entries, report.bytes) == (0, 24)
    assert filled.stats().orphaned_bytes == 0
    assert not stray.exists()
    assert_holds(filled, texts_of(10), vectors_of(10))


def test_prune_removes_files_whose_vectors_were_all_replaced(
    filled: EmbeddingCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_cache.os, "getpid", lambda: -1)
    EmbeddingCache(filled.directory).put(MODEL, texts_of(10), vectors_of(10, seed=1))
    assert filled.prune().bytes == 10 * D * 4
    assert_holds(filled, texts_of(10), vectors_of(10, seed=1))


@pytest.fixture
def three_days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EmbeddingCache:
    """Ten vectors from each of the last three days, in a file a day."""
    now = time.time()
    for day in (3, 2, 1):
        monkeypatch.setattr(_cache_index.time, "time", lambda day=day: now - (day - 0.5) * 86_400)
        EmbeddingCache(tmp_path).put(MODEL, texts_of(10, f"day {day}"), vectors_of(10))
    monkeypatch.undo()
    return EmbeddingCache(tmp_path)


@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        ({"max_bytes": 10**9}, 3),
        ({"max_bytes": 30 * D * 4}, 3),
        ({"max_bytes": 30 * D * 4 - 1}, 2),
        ({"max_bytes": 10 * D * 4}, 1),
        ({"max_bytes": 0}, 0),
        ({"older_than_days": 3}, 3),
        ({"older_than_days": 1}, 1),
        ({"older_than_days": 0}, 0),
        ({"older_than_days": 2, "max_bytes": 10 * D * 4}, 1),
    ],
)
def test_prune_removes_the_oldest_first(
    three_days: EmbeddingCache, limits: dict[str, int], kept: int
) -> None:
    report = three_days.prune(**limits)
    assert report.entries == 10 * (3 - kept)
    assert report.bytes == 10 * (3 - kept) * D * 4
    for day in (1, 2, 3):
        assert three_days.get(MODEL, D, texts_of(10, f"day {day}")).found.all() == (day <= kept)
    assert len(shards_in(three_days)) == kept
    assert len(three_days.stats().spaces) == (kept > 0)


@pytest.mark.parametrize(
    "limits", [{"max_bytes": -1}, {"older_than_days": -0.5}, {"older_than_days": float("nan")}]
)
def test_prune_refuses_a_limit_that_is_none(filled: EmbeddingCache, limits: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="0 or more"):
        filled.prune(**limits)
    assert_holds(filled, texts_of(10), vectors_of(10))


def test_a_writer_goes_on_after_its_file_was_pruned(filled: EmbeddingCache) -> None:
    EmbeddingCache(filled.directory).prune(max_bytes=0)
    filled.put(MODEL, ["after it"], vectors_of(1))
    assert_holds(filled, ["after it"], vectors_of(1))
    assert filled.prune().entries == 0
    assert_holds(filled, ["after it"], vectors_of(1))


def test_clear_empties_it_for_others_too(filled: EmbeddingCache) -> None:
    other = EmbeddingCache(filled.directory)
    other.put(MODEL, ["other"], vectors_of(1))
    assert str(filled.clear()) == "removed 11 embeddings, freed 264 bytes"
    assert shards_in(filled) == []
    assert not other.get(MODEL, D, ["other"]).found.any()
    other.put(MODEL, ["other"], vectors_of(1))
    assert_holds(filled, ["other"], vectors_of(1))


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + bytes(5000)])
def test_clear_mends_a_damaged_index(filled: EmbeddingCache, content: bytes) -> None:
    (filled.directory / "index.sqlite").write_bytes(content)
    filled.clear()
    assert shards_in(filled) == []
    filled.put(MODEL, texts_of(10), vectors_of(10))
    assert_holds(filled, texts_of(10), vectors_of(10))


def test_clear_removes_a_newer_schema(filled: EmbeddingCache) -> None:
    set_schema(filled, 99)
    filled.clear()
    assert filled.stats().entries == 0


def test_clear_touches_nothing_else_in_the_directory(filled: EmbeddingCache) -> None:
    (filled.directory / "notes.txt").write_text("mine")
    filled.clear()
    assert (filled.directory / "notes.txt").read_text() == "mine"


def test_clear_says_when_it_cannot(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CacheError, match="may be written to"):
        EmbeddingCache(tmp_path / "file").clear()
    assert (tmp_path / "file").exists()
