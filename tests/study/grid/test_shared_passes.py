"""Representations that differ in the read-out alone, from one forward pass a text."""

from __future__ import annotations

import numpy as np
import pytest

from embedreg.embed import TransformerEmbedder
from embedreg.study.grid import StudyStore, finished_rows, parse_study, run_study

SPEC = """
name = "read-outs"
[representations.mean]
model = "{model}"
[representations.max]
model = "{model}"
pooling = "max"
[representations.all]
model = "{model}"
layers = "all"
[representations.short]
model = "{model}"
numbers = "decimals:1"
[[blocks]]
tasks = ["toy/*"]
representations = ["mean", "max", "short"]
heads = ["ridge"]
rows = [40]
seeds = 2
[[blocks]]
tasks = ["toy/line"]
representations = ["all"]
heads = ["ridge"]
rows = [40]
seeds = 1
"""


@pytest.fixture
def passes(monkeypatch):
    """Of each call of the engine: how many texts, and the layers and poolings of those that read them."""
    calls = []
    batches = TransformerEmbedder.embed_batches_for

    def noted(self, readers, texts):
        calls.append((len(texts), [f"{reader._pooling} {reader._layers}" for reader in readers]))
        return batches(self, readers, texts)

    monkeypatch.setattr(TransformerEmbedder, "embed_batches_for", noted)
    return calls


@pytest.fixture
def spec(tiny_bert, toys):
    return parse_study(SPEC.format(model=tiny_bert), "the test")


def scores(plan, store):
    rows = finished_rows(plan, store)
    return {(r["representation"], r["task"], r["seed"]): r["kendall_tau"] for r in rows}


def test_each_text_is_read_once_for_all_that_want_it(spec, store, passes) -> None:
    run_study(spec, store)

    together = [readers for _, readers in passes]
    assert together == [
        ["mean last", "max last", "mean all"],  # which wants the first task's first seed alone
        *[["mean last", "max last"]] * 3,
        *[["mean last"]] * 4,  # of the other format's texts, by themselves
    ]


def test_scores_are_those_of_each_representation_alone(spec, store, tmp_path, monkeypatch) -> None:
    together = scores(run_study(spec, store), store)

    monkeypatch.setenv("EMBEDREG_CACHE_DIR", str(tmp_path / "another cache"))
    monkeypatch.setattr("embedreg.study.grid._shared_passes._shares", lambda *_: False)
    other = StudyStore(tmp_path / "another")
    alone = scores(run_study(spec, other), other)

    assert together.keys() == alone.keys()
    np.testing.assert_allclose([together[k] for k in alone], list(alone.values()), atol=1e-6)


def test_what_is_finished_asks_for_nothing(spec, store, passes, tmp_path, monkeypatch) -> None:
    run_study(spec, store)
    monkeypatch.setenv("EMBEDREG_CACHE_DIR", str(tmp_path / "another cache"))
    passes.clear()
    more = SPEC.replace('["mean", "max", "short"]', '["mean", "max", "short", "last"]').replace(
        "[representations.short]",
        '[representations.last]\nmodel = "{model}"\npooling = "last"\n[representations.short]',
    )
    model = spec.blocks[0].representations[0].settings["model"]
    run_study(parse_study(more.format(model=model), "the test"), store)

    assert {tuple(readers) for _, readers in passes} == {("last last",)}
