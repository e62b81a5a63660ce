"""`embedreg smoothness`."""

from __future__ import annotations

import csv
import json

import pytest

from embedreg.report import SMOOTHNESS_FILES


@pytest.fixture
def smoothness(run, knobs, tiny_bert):
    def command(*words, data=knobs, target="tps"):
        return run("smoothness", data, "--target", target, "--model", tiny_bert, *words)

    return command


def test_it_says_which_is_smoother_and_what_that_predicts(smoothness):
    outcome = smoothness()
    assert outcome.status == 0, outcome.err
    for said in (
        "all 60 rows, 60 distinct inputs",
        "embedding",
        "traditional features",
        "repeated",
        "without factor",
        "95% interval",
        "scaling: invariant",
        "Z = ",
        "embedreg compare",
    ):
        assert said in outcome.out


def test_json_is_one_document(smoothness, knobs):
    found = smoothness("--json").json()
    assert found["data"]["path"] == str(knobs)
    assert (found["data"]["rows"], found["data"]["rows_used"]) == (60, 60)
    gap = found["smoothness_gap"]
    assert gap["low"] < gap["value"] < gap["high"]
    for name, length in (("embedding", 32), ("tabular", None)):
        about = found["representations"][name]
        assert set(about) == {"dimension", "mean", "deviation", "repeated", "without_factor", "scaling"}
        assert length in (None, about["dimension"])
    assert found["smoothness_sentence"].endswith(".")
    assert found["smoothness_prediction"].endswith(".")
    assert found["settings"]["command"].startswith(f"embedreg smoothness {knobs} --target tps")


def test_a_sample_is_said_to_be_one(smoothness):
    assert "a random 40 of 60 rows, 40 distinct inputs" in smoothness("--max-rows", 40).out
    found = smoothness("--max-rows", 40, "--json").json()
    assert (found["data"]["rows"], found["data"]["rows_used"]) == (60, 40)


def test_the_seed_and_the_scaling_decide(smoothness):
    first, again = (smoothness("--max-rows", 40, "--seed", 1).out for _ in range(2))
    assert first == again
    assert first != smoothness("--max-rows", 40, "--seed", 2).out
    invariant, paper = (smoothness("--scaling", s, "--json").json() for s in ("invariant", "paper"))
    side = invariant["representations"]["embedding"]
    assert paper["representations"]["embedding"]["mean"] < side["mean"]
    assert paper["representations"]["embedding"]["scaling"] == "paper"


def test_repeated_rows_are_reported(smoothness, tmp_path):
    data = tmp_path / "twice.csv"
    data.write_text("a,y\n" + "".join(f"{i % 15},{i}\n" for i in range(30)))
    outcome = smoothness("--json", data=data, target="y")
    assert outcome.json()["data"]["distinct_inputs"] == 15
    assert [r["repeated"] for r in outcome.json()["representations"].values()] == [30, 30]
    table = smoothness(data=data, target="y").out
    assert "all 30 rows, 15 distinct inputs" in table


def test_texts(smoothness, tmp_path):
    data = tmp_path / "texts.csv"
    data.write_text("note,y\n" + "".join(f"model {i} trains with {i * i} units,{i}\n" for i in range(20)))
    outcome = smoothness("--text", "note", "--json", data=data, target="y")
    assert outcome.status == 0, outcome.err
    assert "note" in outcome.json()["data"]["input"]


def test_output_keeps_the_page_and_the_numbers(smoothness, tmp_path):
    kept = tmp_path / "new" / "kept"
    outcome = smoothness("--output", kept)
    assert outcome.status == 0, outcome.err
    assert outcome.out.rstrip().endswith(str(kept / "smoothness.html"))
    assert {p.name for p in kept.iterdir()} == set(SMOOTHNESS_FILES)
    with (kept / "smoothness_factors.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["row"]) for row in rows] == list(range(60))
    stored = json.loads((kept / "smoothness.json").read_text())
    mean = sum(float(row["embedding_factor"]) for row in rows) / 60
    assert mean == pytest.approx(stored["representations"]["embedding"]["mean"])


@pytest.mark.parametrize(
    ("words", "target", "status", "said"),
    [
        ((), "tpss", 2, "tps"),
        (("--scaling", "papers"), "tps", 2, "did you mean 'paper'"),
        (("--max-rows", 1), "tps", 2, "--max-rows"),
        (("--columns", "nothing"), "tps", 2, "nothing"),
        ((), "policy", 1, "policy"),
        (("--output", "knobs.csv"), "tps", 2, "knobs.csv"),
    ],
)
def test_mistakes_are_one_line(smoothness, knobs, monkeypatch, words, target, status, said):
    monkeypatch.chdir(knobs.parent)
    outcome = smoothness(*words, target=target)
    assert outcome.status == status
    assert outcome.out == ""
    assert outcome.err.startswith("embedreg: error: ")
    assert outcome.err.count("\n") == 1
    assert said in outcome.err
