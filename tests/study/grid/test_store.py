"""The store of finished cells."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest

from embedreg.core.errors import DataError
from embedreg.study.grid import StudyStore


def test_rows_come_back_under_their_keys(store: StudyStore) -> None:
    assert store.get("cells", ["a"]) == {}
    store.add("cells", {"a": {"tau": 0.5}, "b": {"tau": -0.25}})
    assert list(store.get("cells", ["b", "c", "a"])) == ["b", "a"]
    assert StudyStore(store.directory).get("cells", ["a"]) == {"a": {"tau": 0.5}}
    assert store.get("smoothness", ["a"]) == {}


def test_a_row_once_written_stays(store: StudyStore) -> None:
    store.add("cells", {"a": {"tau": 0.5}})
    store.add("cells", {"a": {"tau": 0.9}, "b": {"tau": 0.1}})
    assert store.get("cells", ["a", "b"]) == {"a": {"tau": 0.5}, "b": {"tau": 0.1}}


def test_failures_are_replaced_and_forgotten(store: StudyStore) -> None:
    store.forget_failures(["a"])
    store.add("failures", {"a": {"error": "one"}})
    store.add("failures", {"a": {"error": "two"}})
    assert store.get("failures", ["a"]) == {"a": {"error": "two"}}
    store.forget_failures(["a"])
    assert store.get("failures", ["a"]) == {}


def test_many_may_write_at_once(store: StudyStore) -> None:
    with ThreadPoolExecutor(6) as threads:
        list(
            threads.map(
                lambda i: store.add("cells", {f"{i % 30}": {"i": i % 30}}),
                range(120),
            )
        )
    assert store.get("cells", map(str, range(30))) == {str(i): {"i": i} for i in range(30)}


def test_a_file_that_is_no_store_is_refused(store: StudyStore) -> None:
    store.directory.mkdir()
    store.path.write_text("no database, but long enough to be looked at " * 20)
    with pytest.raises(DataError, match="move a damaged file away"):
        store.get("cells", ["a"])


def test_a_store_of_before_a_table_was_added_gets_it(store: StudyStore) -> None:
    store.add("cells", {"a": {"tau": 0.5}})
    with sqlite3.connect(store.path) as connection:
        connection.execute("DROP TABLE profiles")
    connection.close()
    assert store.get("profiles", ["a"]) == {}
    store.add("profiles", {"a": {"dof": 3}})
    assert store.get("cells", ["a"]) == {"a": {"tau": 0.5}}


def test_a_newer_store_is_refused(store: StudyStore) -> None:
    store.add("cells", {"a": {}})
    with sqlite3.connect(store.path) as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(DataError, match="schema 9.*upgrade"):
        store.get("cells", ["a"])
