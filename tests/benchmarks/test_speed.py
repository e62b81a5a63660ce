"""The benchmark of speed: every part runs at its smallest, without peers; runs are kept by machine; what the page says."""

from __future__ import annotations

import dataclasses
import importlib
import json
import sys
from pathlib import Path

import pytest

from benchmarks.speed import __main__ as command
from benchmarks.speed import sweep as sweep_part
from benchmarks.speed._machine import limited_threads
from benchmarks.speed._options import GPU_PARTS
from benchmarks.speed._page import speed_section
from benchmarks.speed._store import Run, keep, read
from benchmarks.speed._tables import Spread, times_as_fast
from benchmarks.speed._texts import TextSet, text_sets
from benchmarks.speed._timing import in_turn
from embedreg.embed import TransformerEmbedder, pull

PEERS = ("sentence_transformers", "onnxruntime", "openvino", "optimum", "skorch")


@pytest.fixture
def no_peers(monkeypatch):
    for name in PEERS:
        monkeypatch.setitem(sys.modules, name, None)  # importing it fails


def quick(output, model, only):
    words = ["--output", str(output), "--model", str(model), "--pairs", "2", "--quick", "--threads", "1"]
    assert command.main([*words, "--only", only]) == 0


def test_embedding_without_peers_says_so(tmp_path, tiny_bert, no_peers):
    quick(tmp_path / "speed.json", tiny_bert, "embedding")
    (run,) = read(tmp_path / "speed.json")
    engines = {row["engine"] for row in run.rows if "engine" in row}
    assert {"embedreg float32", "embedreg bfloat16", "transformers loop"} <= engines
    assert {len(row["seconds"]) for row in run.rows if "engine" in row} == {2}
    assert min(row["cosine"] for row in run.rows if "engine" in row) > 0.99
    assert {name for name in run.left_out if not name.startswith("embedreg")} == {
        "sentence-transformers, defaults",
        "sentence-transformers, bfloat16, tuned batches",
        "sentence-transformers, ONNX",
        "sentence-transformers, OpenVINO",
        "ONNX Runtime loop",
    }
    text = speed_section([run])
    assert "| transformers loop | float32 |" in text
    assert "sentence-transformers, ONNX (" in text
    assert str(tiny_bert.parent) not in json.dumps(
        dataclasses.asdict(run)
    )  # a place on this machine is nobody's business


def test_heads_and_curves_without_peers(tmp_path, tiny_bert, no_peers, monkeypatch):
    monkeypatch.delitem(
        sweep_part._WAYS, "scikit-learn GridSearchCV, all processors"
    )  # which start for seconds
    quick(tmp_path / "speed.json", tiny_bert, "sweep,ridge,curves")
    sweep, ridge, curves = read(tmp_path / "speed.json")
    assert set(sweep.left_out) == {"skorch GridSearchCV"}
    assert "would take" in speed_section([sweep])
    assert {row["method"] for row in ridge.rows if row["agree"]} == {"embedreg", "scikit-learn RidgeCV"}
    assert {row["curve"] for row in curves.rows} == {"records", "length", "dimension", "threads"}


def test_lipschitz_factors_agree_and_have_a_memory(tmp_path, tiny_bert):
    quick(tmp_path / "speed.json", tiny_bert, "smoothness")
    (run,) = read(tmp_path / "speed.json")
    assert [(row["n"], len(row["seconds"])) for row in run.rows] == [
        (30, 2),
        (30, 2),
        (50, 2),
        (50, 2),
        (100, 1),
    ]
    assert all(row["agree"] for row in run.rows if "agree" in row)
    assert 0 <= run.rows[-1]["peak_mib"] < 100  # no more than the process holds anyway
    text = speed_section([run])
    assert "| 50 | 8 |" in text
    assert "100 points of 8 columns take embedreg" in text


def test_texts_that_begin_alike_are_read_once_and_whole(tmp_path, tiny_llama):
    quick(tmp_path / "speed.json", tiny_llama, "prefix")
    (run,) = read(tmp_path / "speed.json")
    assert [row["method"] for row in run.rows] == 3 * ["read once", "read whole"]
    assert all(row["cosine"] > 0.9999 for row in run.rows)
    shared = [row["shared"] for row in run.rows if row["method"] == "read once"]
    assert shared == sorted(set(shared))
    assert "| a page of instructions |" in speed_section([run])


@pytest.mark.slow
def test_latency(tmp_path, tiny_bert):
    quick(tmp_path / "speed.json", tiny_bert, "latency")
    (run,) = read(tmp_path / "speed.json")
    assert [len(row["seconds"]) for row in run.rows] == [2, 2, 2, 3]


def test_an_unknown_part_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        command.main(["--output", str(tmp_path / "speed.json"), "--only", "embedding,lunch"])
    assert (
        "got 'lunch'; expected some of embedding, prefix, sweep, ridge, smoothness, latency, curves"
        in capsys.readouterr().err
    )


def test_calls_run_in_turn():
    called = []
    taken = in_turn({name: lambda name=name: called.append(name) for name in "ab"}, 3)
    assert "".join(called) == "ababab"
    assert [len(taken[name]) for name in "ab"] == [3, 3]


def test_threads_are_as_before_afterwards(monkeypatch):
    torch = importlib.import_module("torch")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    before = torch.get_num_threads()
    with limited_threads(1):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
    monkeypatch.delenv("OMP_NUM_THREADS")
    with limited_threads(1):
        pass
    assert "OMP_NUM_THREADS" not in importlib.import_module("os").environ


def test_texts_fit_the_window_and_are_different(tiny_bert):
    embedder = TransformerEmbedder(tiny_bert)
    for texts in text_sets(embedder, 300):
        assert texts.tokens == embedder.count_tokens(texts.texts)
        assert max(texts.tokens) <= embedder.window
        assert len(set(texts.texts)) == len(texts.texts)
        assert 300 <= sum(texts.tokens) < 300 + embedder.window


def test_operations_are_counted_by_hand():
    config = {"hidden_size": 2, "intermediate_size": 3, "num_hidden_layers": 5}
    products = 2 * (4 * 2 * 2 + 2 * 2 * 3)  # of one token in one layer
    assert TextSet("one", [""], [7]).flop(config) == 5 * (7 * products + 2 * 2 * 7 * 7 * 2)


MACHINE = {
    "cpu": "A",
    "instructions": "avx2",
    "cores": 2,
    "threads": 2,
    "date": "2030-01-01",
    "versions": {"numpy": "3.0"},
}


def run_of(rows, part="ridge", cpu="A", **settings):
    return Run(part, MACHINE | {"cpu": cpu}, {"load": [0.1, 0.2], "penalties": 37} | settings, rows)


def ridge_rows(ours, theirs):
    about = {"n": 400, "d": 384, "targets": 1, "agree": True}
    return [
        about | {"method": name, "seconds": taken}
        for name, taken in (("embedreg", ours), ("RidgeCV", theirs))
    ]


def test_a_part_run_again_on_a_machine_replaces_its_run(tmp_path):
    path = tmp_path / "made" / "speed.json"
    for cpu, seconds in (("A", 1.0), ("B", 2.0), ("A", 3.0)):
        keep(path, run_of(ridge_rows([seconds], [1.0]), cpu=cpu))
    assert [(run.machine["cpu"], run.rows[0]["seconds"]) for run in read(path)] == [
        ("B", [2.0]),
        ("A", [3.0]),
    ]


def embedding_run(ours, theirs, peak, **machine):
    about = {"texts": "short", "count": 2, "tokens": 10, "precision": "bfloat16", "flop": 1.0, "cosine": 1.0}
    engines = {
        "embedreg bfloat16": [ours],
        "sentence-transformers, defaults": theirs[:1],
        "another": theirs[1:],
    }
    rows = [about | {"engine": name, "seconds": seconds} for name, seconds in engines.items()]
    rows.append({"texts": "short", "peak": "bfloat16", "flop_per_second": [peak]})
    told = {"cached_rerun": {"first": 1.0, "again": 0.1}, "model": "m", "window": 8, "matrix": 16}
    run = run_of(rows, "embedding", **told)
    run.machine.update(machine)
    return run


def test_runs_kept_beside_others_are_all_shown_the_last_of_them_in_full(tmp_path):
    path = tmp_path / "speed.json"
    keep(path, embedding_run(1.0, [4.0, 2.0], 2e12, date="2030-01-01"))
    keep(path, embedding_run(1.0, [3.0, 1.5], 7e11, date="2030-01-02", commit="abc"), beside=True)
    keep(path, embedding_run(1.0, [9.0, 9.0], 7e11, cpu="B"))
    text = speed_section(read(path))
    assert text.count("Target: embedreg's fastest at least 1.3 times as fast as sentence") == 2
    assert "| 2030-01-02 | abc | 0.70 | 3.00 | 1.50 |\n| 2030-01-01 |  | 2.00 | 4.00 | 2.00 |" in text
    assert text.count("All runs that were kept") == 1
    keep(path, embedding_run(1.0, [5.0, 2.5], 1e12))
    assert "All runs that were kept" not in speed_section(read(path))


def test_ratios_are_of_pairs():
    ratio = times_as_fast({"seconds": [2.0, 9.0, 4.0]}, {"seconds": [1.0, 3.0, 1.0]})
    assert ratio.values == [2.0, 3.0, 4.0]
    assert ratio.text() == "3.00 (2.00 to 4.00)"
    assert Spread([0.5]).text() == "0.50"


@pytest.mark.parametrize(
    ("theirs", "said"),
    [
        ([0.04, 0.02, 0.03], "**reached**."),
        ([0.005, 0.02, 0.005], "**not reached** (400 x 384, 1 targets: 0.50)."),
    ],
)
def test_a_target_is_of_the_median(theirs, said):
    text = speed_section([run_of(ridge_rows([0.01, 0.01, 0.01], theirs))])
    assert f"Target: not behind RidgeCV: {said}" in text
    assert (
        "2 threads of 2 cores of A (avx2), 2030-01-01; load of the machine 0.1 before and 0.2 after; numpy 3.0."
        in text
    )


def test_a_latency_target_is_of_the_median():
    rows = [
        {"measure": "embedreg --help", "seconds": [0.2, 0.25, 9.0]},
        {"measure": "another", "seconds": [1.0]},
    ]
    text = speed_section([run_of(rows, "latency", numbers=5, model="minilm")])
    assert "| embedreg --help | 3 | 250 (200 to 9000) | 300 | **reached** |" in text
    assert "| another | 1 | 1000 |  |  |" in text


def test_the_results_page_has_the_section_and_its_figure(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "docs")
    results_page = importlib.import_module("results_page").results_page
    assert "## Speed" not in results_page(tmp_path)[0]
    rows = [
        {"curve": curve, "x": x, "line": line, "seconds": [0.1 * x], "tokens": 10}
        for curve in ("records", "length", "dimension", "threads")
        for line in ("one", "other")
        for x in (1, 2)
    ]
    keep(
        tmp_path / "speed.json", Run("curves", MACHINE, {"load": [0.1, 0.2], "rows": 400, "epochs": 5}, rows)
    )
    text, figures = results_page(tmp_path)
    assert "| one | 1 | 2 | 0.100 | 0.200 | 0.50 |" in text
    assert figures["speed.svg"].startswith("<?xml")


def test_parts_of_a_gpu_with_a_processor_in_its_place(tmp_path, no_peers, capsys):
    """Every engine and way runs at its smallest, and the page says what they did."""
    output, model = tmp_path / "speed.json", pull("minilm", quiet=True)
    words = ["--output", str(output), "--model", str(model), "--pairs", "2", "--quick", "--threads", "1"]
    assert command.main([*words, "--only", ",".join(GPU_PARTS), "--note", "Tried."]) == 0
    embedding, compiled, sweep, smoothness = runs = read(output)

    assert set(embedding.left_out) == {
        "sentence-transformers, defaults",
        "sentence-transformers, bfloat16, tuned batches",
    }
    cosines = [row["cosine"] for row in embedding.rows if row["cosine"] is not None]
    assert len(cosines) >= 10
    assert min(cosines) > 0.99
    assert {row["engine"] for row in compiled.rows} > {
        "embedreg bfloat16",
        "transformers loop, torch.compile",
    }
    assert {row["tasks"] for row in sweep.rows} == {1, 2}
    assert smoothness.settings["agree"]
    text = speed_section(runs)
    assert "Tried." in text
    assert "| T5 v1.1 XXL encoder | long documents | transformers loop, bfloat16, tuned batches |" in text
    assert "### torch.compile on a GPU" in text
    assert "| as used | 2 | PyTorch loop, fused AdamW | 1 |" in text
    assert "| torch.cdist loop, GPU, float32 |" in text


def test_without_a_gpu_its_parts_are_refused(tmp_path, tiny_bert, capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    words = ["--output", str(tmp_path / "speed.json"), "--model", str(tiny_bert), "--only", "gpu_sweep"]
    assert command.main(words) == 2
    assert "no GPU" in capsys.readouterr().err
