"""Batch sizes and threads that are tried once, and remembered."""

from __future__ import annotations

import types

import numpy as np
import pytest
import torch

from embedreg.core.paths import cache_root
from embedreg.embed import TransformerEmbedder, _calibration, _forward_passes, embed_texts
from embedreg.embed._calibration import Way, best_way, remembered_way

USUAL = Way(1024, 4)
TEXTS = [f'{{"rate": {i / 7:.4f}}} ' * (1 + i % 9) for i in range(300)]


@pytest.fixture
def clock(monkeypatch):
    """Time that passes as `run` says, in seconds a way."""
    now = [0.0]
    monkeypatch.setattr(_calibration, "time", types.SimpleNamespace(perf_counter=lambda: now[0]))

    def run_in(seconds):
        tried = []

        def run(way):
            tried.append(way)
            now[0] += seconds.get(way, 1.0)

        return run, tried

    return run_in


def test_the_usual_way_stays_unless_another_is_clearly_faster(clock):
    run, tried = clock({Way(2048, 4): 0.95})
    assert best_way("a model", USUAL, run) == USUAL
    assert set(tried) == {USUAL, Way(512, 4), Way(2048, 4), Way(1024, 2)}


@pytest.mark.parametrize("fast", USUAL.others())
def test_a_faster_way_is_taken_and_remembered(clock, fast):
    assert remembered_way("a model", USUAL) is None
    run, _ = clock({fast: 0.8})
    assert best_way("a model", USUAL, run) == fast
    assert remembered_way("a model", USUAL) == fast
    assert remembered_way("another", USUAL) is None
    assert remembered_way("a model", Way(1024, 2)) is None, "torch was told to take fewer threads"
    best_way("another", USUAL, clock({})[0])
    assert remembered_way("a model", USUAL) == fast


def test_one_thread_is_not_halved():
    assert Way(1024, 1).others() == [Way(512, 1), Way(2048, 1)]


@pytest.mark.parametrize(
    "content", ["", "[]", '{"KEY": 3}', '{"KEY": {"batch_tokens": null, "threads": []}}']
)
def test_a_file_that_somebody_else_wrote_is_tried_anew(content):
    cache_root().mkdir(parents=True, exist_ok=True)
    (cache_root() / "batches.json").write_text(content.replace("KEY", "a model: 1024 tokens, 4 threads"))
    assert remembered_way("a model", USUAL) is None


def test_trying_takes_a_twentieth_of_the_work_that_was_done(clock):
    run, tried = clock({})
    best_way("a model", USUAL, run)
    assert USUAL.tokens_before == 20 * len(tried) * USUAL.tokens_tried


class TestEmbedding:
    @pytest.fixture
    def tried(self, monkeypatch):
        """Ways that were tried; two threads of torch's, and batches so small that some texts are enough."""
        found = []

        def best(what, usual, run):
            found.append((what, usual))
            for way in (usual, *usual.others()):
                run(way)
            faster = Way(usual.batch_tokens * 2, 1)
            _calibration.keep_measured("batches.json", {_calibration._key(what, usual): faster._asdict()})
            return faster

        monkeypatch.setattr(_forward_passes, "best_way", best)
        before = torch.get_num_threads()
        torch.set_num_threads(2)
        yield found
        torch.set_num_threads(before)

    @staticmethod
    def embedder(path, **settings):
        made = TransformerEmbedder(path, device="cpu", dtype="float32", **settings)
        object.__setattr__(made._loaded, "batch_tokens", 128)
        return made

    @staticmethod
    def embed(embedder, texts=TEXTS):
        return embed_texts(embedder, texts, progress=False)

    def test_it_is_tried_once_after_enough_work_and_changes_nothing_but_rounding(self, tiny_llama, tried):
        embedder = self.embedder(tiny_llama)
        wanted = self.embed(embedder)
        assert not tried
        embedder._passes._read = 10**9  # as if that had been many
        for _ in range(2):
            np.testing.assert_allclose(self.embed(embedder), wanted, rtol=1e-4, atol=1e-5)
        [(what, usual)] = tried
        assert usual == Way(128, 2)
        assert all(part in what for part in ("llama, 2 layers, 32 wide, float32", "torch"))
        assert embedder._passes._ways == {usual: Way(256, 1)}

        another = self.embedder(tiny_llama)
        np.testing.assert_allclose(self.embed(another), wanted, rtol=1e-4, atol=1e-5)
        assert another._passes._ways == {usual: Way(256, 1)}
        assert len(tried) == 1

    def test_it_is_not_where_a_size_was_asked_for_nor_with_few_texts(self, tiny_llama, tried):
        for embedder, texts in (
            (self.embedder(tiny_llama, batch_tokens=64), TEXTS),
            (self.embedder(tiny_llama), TEXTS[:3]),
        ):
            self.embed(embedder)
            embedder._passes._read = 10**9
            self.embed(embedder, texts)
        assert not tried
