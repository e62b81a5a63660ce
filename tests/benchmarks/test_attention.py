"""The benchmark of attention on a processor: its ways are those of the package, and give the same."""

from __future__ import annotations

import json
import sys

import pytest
import torch

from benchmarks import attention
from embedreg.embed import _attention
from embedreg.embed._steps import tiles_work


@pytest.mark.parametrize("heads", attention.HEADS, ids=lambda heads: heads.model)
def test_every_way_gives_the_same_and_is_taken(heads, monkeypatch):
    attend = attention.layer(heads, torch.float32, 3, 21)
    blocks, taken = _attention.blockwise_attention, []
    monkeypatch.setattr(
        _attention, "blockwise_attention", lambda *a, **k: taken.append(True) or blocks(*a, **k)
    )
    before = _attention.is_blockwise_faster
    found = []
    for way in attention.WAYS:
        with attention.taking(way):
            found.append(attend())
        assert bool(taken) is (way == attention.BLOCKS)

    assert _attention.is_blockwise_faster is before
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(not tiles_work(), reason="no AMX, or no compiler")
@pytest.mark.parametrize("heads", attention.HEADS, ids=lambda heads: heads.model)
def test_compiled_attention_gives_the_same(heads):
    given = heads, torch.bfloat16, 3, 21
    with attention.taking(attention.OWN):
        wanted = attention.layer(*given)()
    found = attention.layer(*given, compiled=True)()
    torch.testing.assert_close(found, wanted, rtol=0.02, atol=0.02)


def test_rows_are_kept_beside_those_of_other_processors(tmp_path, monkeypatch):
    kept = {"machine": {"cpu": "another"}, "rows": []}
    file = tmp_path / "attention.json"
    file.write_text(json.dumps([kept]))
    monkeypatch.setattr(sys, "argv", ["attention", "--output", str(file), "--rounds", "1", "--few"])

    attention.main()

    other, own = json.loads(file.read_text())
    assert other == kept
    assert {row["tokens"] for row in own["rows"]} == set(attention.TOKENS[:2])
    assert all(set(attention.WAYS) <= set(row["microseconds"]) for row in own["rows"])
    assert all(row["used"] in row["microseconds"] for row in own["rows"])
