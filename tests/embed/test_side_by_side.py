"""Batches that a processor's threads work on at once, each of them on one of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
import transformers
from transformers import AutoTokenizer

from embedreg.embed import TransformerEmbedder
from embedreg.embed._bert import BertEncoder
from embedreg.embed._loading import TransformersNetwork

TEXTS = [json.dumps({"lr": i / 7, "size": 2 ** (i % 9), "name": "sgd " * (i % 5)}) for i in range(60)]
SHARED = [
    json.dumps({"weight decay": 0.125, "size": 77, "rates": [0.1, 0.2], "lr": i / 7}) for i in range(60)
]
SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}


@pytest.fixture(params=[2, 17])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.fixture
def at_once(monkeypatch):
    """How many passes were under way at once, each time that one began."""
    counts, lock, under_way = [], threading.Lock(), 0

    def noted(states):
        def run(*args):
            nonlocal under_way
            with lock:
                under_way += 1
                counts.append(under_way)
            try:
                return states(*args)
            finally:
                with lock:
                    under_way -= 1

        return run

    for network in (BertEncoder, TransformersNetwork):
        monkeypatch.setattr(network, "states", noted(network.states))
    return counts


def embed(path, texts, **settings):
    embedder = TransformerEmbedder(path, batch_tokens=100, **settings)
    vectors = np.full((len(texts), embedder.dimension), np.nan, np.float32)
    for positions, part in embedder.embed_batches(texts):
        vectors[positions] = part
    return vectors


@pytest.mark.parametrize(
    "model", ["tiny_bert", "tiny_llama", "tiny_gpt2", "tiny_t5", "tiny_roberta", "tiny_electra"]
)
@pytest.mark.parametrize("layers", ["last", "all", 1])
@pytest.mark.parametrize("texts", [TEXTS, SHARED], ids=["unlike", "shared beginning"])
def test_vectors_are_those_of_one_batch_after_the_other(model, layers, texts, threads, request):
    path = request.getfixturevalue(model)
    found, again = (embed(path, texts, layers=layers) for _ in range(2))
    np.testing.assert_array_equal(found, again)
    assert torch.get_num_threads() == threads
    torch.set_num_threads(1)
    np.testing.assert_allclose(found, embed(path, texts, layers=layers), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("model", ["tiny_bert", "tiny_llama"])
def test_as_many_as_there_are_threads_are_under_way(model, threads, request, monkeypatch):
    together, each = threading.Barrier(min(threads, 5)), set()
    several = {2: 2, 17: 5}[threads]  # of 17 threads three share each of five batches
    network = BertEncoder if model == "tiny_bert" else TransformersNetwork
    states, here = network.states, threading.current_thread()

    def meet(*args):
        if threading.current_thread() is not here:
            together.wait(timeout=60)
            each.add(torch.get_num_threads())
        return states(*args)

    monkeypatch.setattr(network, "states", meet)
    embed(request.getfixturevalue(model), TEXTS)
    assert together.parties == several
    assert each == {threads // several}


def test_one_thread_runs_one_batch_after_the_other(tiny_bert, at_once, threads):
    torch.set_num_threads(1)
    embed(tiny_bert, TEXTS)
    assert set(at_once) == {1}


def test_few_batches_are_run_here(tiny_bert, at_once, threads):
    embed(tiny_bert, TEXTS[:4])
    assert set(at_once) == {1}


@pytest.mark.parametrize("scaling", ["dynamic", "longrope"])
def test_rotations_that_change_with_the_texts_length_are_not(scaling, tmp_path, tiny_llama, at_once, threads):
    factors = {"short_factor": [1.0] * 4, "long_factor": [2.0] * 4, "factor": 2.0}
    config = transformers.LlamaConfig(
        vocab_size=400,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=64,
        rope_scaling={
            "rope_type": scaling,
            "original_max_position_embeddings": 32,
            "rope_theta": 1e4,
            **factors,
        },
        **SMALL,
    )
    transformers.LlamaModel(config).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tiny_llama).save_pretrained(tmp_path)
    embed(tmp_path, TEXTS)
    assert len(at_once) > 5
    assert set(at_once) == {1}


def test_no_other_thread_is_left_with_the_share_of_one(tiny_bert, threads):
    under_way = TransformerEmbedder(tiny_bert, batch_tokens=100).embed_batches(TEXTS)
    next(under_way)
    torch.set_num_threads(threads + 1)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(torch.get_num_threads).result() == threads + 1
        pool.submit(embed, tiny_bert, TEXTS).result()
        assert pool.submit(torch.get_num_threads).result() == threads + 1
    under_way.close()
    assert torch.get_num_threads() == threads + 1


def test_models_that_keep_something_from_a_pass_are_not(tiny_llama, at_once, threads, monkeypatch):
    forward = transformers.LlamaModel.forward

    def keep(self, *args, **kwargs):
        self.layers[1].last = torch.zeros(1)
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(transformers.LlamaModel, "forward", keep)
    embed(tiny_llama, TEXTS)
    assert set(at_once) == {1}


def test_an_error_in_a_thread_is_the_callers_and_ends_the_others(tiny_bert, threads, monkeypatch):
    states, run = BertEncoder.states, []

    def fail(*args):
        run.append(threading.current_thread())
        if len(run) >= 4:
            raise RuntimeError("a broken pass")
        return states(*args)

    monkeypatch.setattr(BertEncoder, "states", fail)
    with pytest.raises(RuntimeError, match="a broken pass"):
        embed(tiny_bert, TEXTS)
    assert torch.get_num_threads() == threads
    assert len(run) < 4 + 2 * threads
    assert not any(thread.is_alive() for thread in run if thread is not threading.main_thread())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Unix alone has forks")
def test_a_process_that_is_forked_after_embedding_can_embed(tiny_bert):
    """OpenMP's threads are not in the fork, which would wait for them forever; in a fresh process, as this one's may differ."""
    script = """
import os, signal, sys
from pathlib import Path
import numpy as np
import torch
from embedreg.embed import TransformerEmbedder, embed_texts
torch.set_num_threads(2)
embedder = TransformerEmbedder(Path(sys.argv[1]), device="cpu", dtype="float32")
texts = ["adam " * 50 + str(i) for i in range(40)]
before = embed_texts(embedder, texts, progress=False)
torch.ones(10**7).exp()
child = os.fork()
if not child:
    signal.alarm(20)
    torch.ones(10**7).exp()  # as a larger model's layers, on all threads
    after = embed_texts(embedder, texts, progress=False)
    os._exit(0 if np.allclose(before, after, rtol=1e-4, atol=1e-5) else 3)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script, str(tiny_bert)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
