"""Finished fits of a comparison on disk."""

from __future__ import annotations

import pytest

from embedreg.study._runs_store import RunsStore


def test_what_was_put_comes_back_under_its_key_and_name_alone(tmp_path) -> None:
    RunsStore(tmp_path, {"seed": 0}).put("embedding + ridge", {"predictions": [[0.1 + 0.2]]})
    assert RunsStore(tmp_path, {"seed": 0}).get("embedding + ridge") == {"predictions": [[0.1 + 0.2]]}
    assert RunsStore(tmp_path, {"seed": 0}).get("embedding + mlp") is None
    assert RunsStore(tmp_path, {"seed": 1}).get("embedding + ridge") is None


@pytest.mark.parametrize("left", [b"", b'{"predictions": [[1.0, 2.', b"\0\0\0", b"\xff\xfe{}"])
def test_a_file_that_was_cut_off_is_as_good_as_none_and_is_replaced(tmp_path, left) -> None:
    store = RunsStore(tmp_path, {})
    store.put("embedding + ridge", {"seconds": 1.0})
    [file] = tmp_path.rglob("*.json")
    file.write_bytes(left)
    assert store.get("embedding + ridge") is None
    store.put("embedding + ridge", {"seconds": 2.0})
    assert store.get("embedding + ridge") == {"seconds": 2.0}
