from __future__ import annotations

import csv
import io
import json
import shlex

import numpy as np
import pyarrow.parquet as pq
import pytest

from embedreg import EmbeddingRegressor
from embedreg.embed import EmbeddingCache, TransformerEmbedder, make_embedder
from embedreg.report import COMPARISON_FILES
from embedreg.tasks import InputSpec

METHODS = {f"{r} + {h}" for r in ("embedding", "tabular") for h in ("mlp", "ridge", "xgboost")} | {
    "mean of y"
}
QUICK = ("--bootstrap", 50, "--combination", "none")


@pytest.fixture
def fitted(run, knobs, tiny_bert, tmp_path):
    model = tmp_path / "model"
    outcome = run(*fit_words(knobs, model, "--model", tiny_bert))
    assert outcome.status == 0, outcome.err
    return model


def fit_words(data, output, *more):
    return ("fit", data, "--target", "tps", "-o", output, "--head", "ridge", *more)


@pytest.fixture
def combined(run, knobs, tiny_bert, tmp_path, small_members):
    """A model that `fit` made by itself, with little effort."""
    model = tmp_path / "combined"
    words = ("fit", knobs, "--target", "tps", "-o", model, "--model", tiny_bert, "--effort", "fast")
    outcome = run(*words)
    assert outcome.status == 0, outcome.err
    return model


def test_compare_prints_every_method_and_one_sentence(run, knobs, tiny_bert):
    outcome = run("compare", knobs, "--target", "tps", "--model", tiny_bert, "--seeds", 2, *QUICK)
    assert outcome.status == 0, outcome.err
    assert all(method in outcome.out for method in METHODS)
    assert "Kendall tau" in outcome.out
    assert "The combination that" not in outcome.out


def test_compare_json_is_one_document_with_all_metrics(run, knobs, tiny_bert):
    words = ("compare", knobs, "--target", "tps", "--model", tiny_bert, "--seeds", 2, *QUICK)
    found = run(*words, "--json").json()
    assert {m["name"] for m in found["methods"]} == METHODS
    for method in found["methods"]:
        assert set(method["metrics"]) == {"kendall_tau", "spearman", "pearson", "r2", "rmse", "mae"}
        assert all(len(interval["per_seed"]) == 2 for interval in method["metrics"].values())
    assert found["verdict"].endswith(".")
    assert {s["repeated"] for s in found["smoothness"].values()} == {0}
    assert found["settings"]["seeds"] == [0, 1]


def test_compare_keeps_report_rows_and_settings(run, knobs, tiny_bert, tmp_path):
    kept = tmp_path / "kept"
    words = ("compare", knobs, "--target", "tps", "--model", tiny_bert, "--seeds", 1, *QUICK)
    outcome = run(*words, "--output", kept)
    assert outcome.status == 0, outcome.err
    assert outcome.out.rstrip().endswith("report.html")
    assert (kept / "report.html").read_text().startswith("<!DOCTYPE html>")
    settings = json.loads((kept / "settings.json").read_text())
    assert shlex.split(settings["command"]) == ["embedreg", *map(str, words), "--output", str(kept)]
    with (kept / "rows.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["method"] for row in rows} == METHODS
    assert {path.name for path in kept.iterdir() if path.is_file()} == set(COMPARISON_FILES)


def test_compare_shows_the_combination_and_again_fits_nothing_anew(
    run, knobs, tiny_bert, tmp_path, monkeypatch, small_members
):
    words = ("compare", knobs, "--target", "tps", "--model", tiny_bert, "--seeds", 1, "--bootstrap", 50)
    first = run(*words, "--output", tmp_path, "--json").json()
    assert {method["name"] for method in first["methods"]} == METHODS | {"combination"}
    combination = next(m for m in first["methods"] if m["name"] == "combination")
    assert (combination["representation"], combination["head"]) == ("both", "combination")
    assert sum(m["weight"] for m in combination["chosen"][0]["members"]) == pytest.approx(1)
    assert first["settings"]["combination"] == "fast"
    assert "The combination that" in (tmp_path / "report.html").read_text()

    def never(*_: object, **__: object) -> None:
        raise AssertionError("fitted again")

    monkeypatch.setattr("embedreg.study._compare.fit_many", never)
    monkeypatch.setattr("embedreg.study._combined.Ensemble", never)
    assert run(*words, "--output", tmp_path, "--json").json()["methods"] == first["methods"]
    printed = run(*words, "--output", tmp_path).out
    sentences = [first[name] for name in ("verdict", "combination_sentence", "smoothness_sentence")]
    assert "\n".join(sentences) in printed
    without = run(*words, "--output", tmp_path, "--json", "--combination", "none").json()
    assert {method["name"] for method in without["methods"]} == METHODS


def test_max_rows_limits_the_rows_used(run, knobs, tiny_bert):
    words = ("compare", knobs, "--target", "tps", "--model", tiny_bert, "--seeds", 1, *QUICK)
    found = run(*words, "--max-rows", 40, "--json").json()
    assert (found["data"]["rows"], found["data"]["rows_used"]) == (60, 40)


def test_predict_adds_a_column_and_keeps_the_cells_as_they_were(run, knobs, fitted, tmp_path):
    out = tmp_path / "out.csv"
    outcome = run("predict", fitted, knobs, "-o", out)
    assert outcome.status == 0, outcome.err
    before, after = knobs.read_text().splitlines(), out.read_text().splitlines()
    assert after[0] == before[0] + ",prediction"
    assert [line.rsplit(",", 1)[0] for line in after] == before
    assert np.isfinite([float(line.rsplit(",", 1)[1]) for line in after[1:]]).all()


def test_predict_goes_to_stdout_and_does_not_depend_on_the_batch(run, knobs, fitted):
    whole = run("predict", fitted, knobs, "--no-cache")
    parts = run("predict", fitted, knobs, "--no-cache", "--batch-rows", 7)
    a, b = ([float(line.rsplit(",", 1)[1]) for line in o.out.splitlines()[1:]] for o in (whole, parts))
    assert a == pytest.approx(b, rel=1e-4)


@pytest.mark.parametrize("words", [("predict", "--coverage", 0.8), ("evaluate",)])
@pytest.mark.usefixtures("small_members")
def test_a_text_is_embedded_once_also_without_the_cache(run, knobs, tiny_bert, tmp_path, monkeypatch, words):
    embedded, embed = [], TransformerEmbedder.embed_batches
    monkeypatch.setattr(
        TransformerEmbedder,
        "embed_batches",
        lambda self, texts: embedded.extend(texts) or embed(self, texts),
    )
    settings = ("--target", "tps", "--model", tiny_bert, "--representation", "embedding", "--effort", "fast")
    assert run("fit", knobs, "-o", tmp_path / "m", *settings, "--no-cache").status == 0
    assert len(embedded) == len(set(embedded)) > 0
    embedded.clear()
    command, *options = words
    outcome = run(command, tmp_path / "m", knobs, *options, "--no-cache")
    assert outcome.status == 0, outcome.err
    assert len(embedded) == len(set(embedded)) > 0


def test_predict_warns_of_a_thing_once(run, knobs, tmp_path):
    model, odd = tmp_path / "m", tmp_path / "odd.csv"
    assert run(*fit_words(knobs, model, "--representation", "tabular")).status == 0
    odd.write_text("threads,cache,policy\n" + "many,1,lru\n" * 20 + "1,big,lru\n" * 10 + "many,big,lru\n" * 5)
    for _ in range(2):  # every run warns anew
        outcome = run("predict", model, odd, "--batch-rows", 10)
        assert outcome.status == 0
        lines = outcome.err.splitlines()
        assert len(lines) == 1, outcome.err
        assert "'threads' (in 25 of 35 records), 'cache' (in 15 of 35 records)" in lines[0]


def test_predict_needs_no_target(run, knobs, fitted, tmp_path):
    unlabelled = tmp_path / "unlabelled.csv"
    unlabelled.write_text("\n".join(line.rsplit(",", 1)[0] for line in knobs.read_text().splitlines()))
    assert run("predict", fitted, unlabelled).status == 0


def test_predict_refuses_a_column_that_is_there_already(run, knobs, fitted):
    outcome = run("predict", fitted, knobs, "--column", "cache")
    assert outcome.status == 2
    assert "cache" in outcome.err


def test_evaluate_scores_training_rows_well(run, knobs, fitted):
    found = run("evaluate", fitted, knobs, "--json").json()
    assert found["rows"] == 60
    assert found["metrics"]["kendall_tau"]["value"] > 0.5
    assert found["metrics"]["kendall_tau"]["low"] <= found["metrics"]["kendall_tau"]["value"]
    assert "kendall_tau" in run("evaluate", fitted, knobs).out


@pytest.mark.parametrize(
    ("words", "mend"),
    [
        (("fit", "one.csv", "--target", "tps", "--head", "ridge", "-o", "other"), "give more data"),
        (("evaluate", "model", "one.csv"), "`embedreg predict` takes a single one"),
        (("smoothness", "one.csv", "--target", "tps"), "give more data"),
    ],
)
def test_a_single_row_is_too_few_and_the_error_says_what_helps(run, fitted, knobs, monkeypatch, words, mend):
    (knobs.parent / "one.csv").write_text("".join(knobs.read_text().splitlines(keepends=True)[:2]))
    monkeypatch.chdir(knobs.parent)
    outcome = run(*words)
    assert outcome.status == 1
    assert mend in outcome.err
    assert "did not foresee" not in outcome.err


def test_embed_writes_npy_and_parquet(run, knobs, tiny_bert, tmp_path):
    for name in ("v.npy", "v.parquet"):
        outcome = run(
            "embed", knobs, "--target", "tps", "--model", tiny_bert, "-o", tmp_path / name, "--batch-rows", 7
        )
        assert outcome.status == 0, outcome.err
    vectors = np.load(tmp_path / "v.npy")
    table = pq.read_table(tmp_path / "v.parquet")
    assert vectors.shape == (60, 32)
    assert np.array_equal(np.array(table["embedding"].to_pylist(), dtype=np.float32), vectors)
    assert len(table["tps"]) == 60
    words = (
        "embed",
        tmp_path / "v.parquet",
        "--columns",
        "tps",
        "--model",
        tiny_bert,
        "-o",
        tmp_path / "w.parquet",
    )
    refused = run(*words)
    assert (refused.status, "a column 'embedding' to add" in refused.err) == (2, True)
    named = run(*words, "--column", "vector")
    assert named.status == 0, named.err
    assert pq.read_table(tmp_path / "w.parquet").column_names[-2:] == ["embedding", "vector"]


def test_fit_reports_what_was_chosen(run, knobs, tiny_bert, tmp_path):
    found = run(*fit_words(knobs, tmp_path / "m", "--model", tiny_bert, "--json")).json()
    assert found["rows"] == 60
    assert "penalty" in found["chosen"]


def test_fit_on_traditional_features_needs_no_model(run, knobs, tmp_path):
    words = fit_words(knobs, tmp_path / "m", "--representation", "tabular", "--head", "xgboost")
    assert run(*words).status == 0
    assert run("predict", tmp_path / "m", knobs).status == 0


def test_fit_does_not_replace_a_model_unasked(run, knobs, fitted, tiny_bert):
    words = fit_words(knobs, fitted, "--model", tiny_bert)
    outcome = run(*words)
    assert outcome.status == 1
    assert "--overwrite" in outcome.err
    assert run(*words, "--overwrite").status == 0


def test_a_changed_byte_in_a_model_is_refused(run, knobs, fitted):
    path = fitted / "head-0.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    outcome = run("predict", fitted, knobs)
    assert outcome.status == 1
    assert "head-0.safetensors" in outcome.err


def test_models_list_json_names_the_default(run):
    rows = run("models", "list", "--json").json()
    minilm = next(row for row in rows if row["name"] == "minilm")
    assert minilm["dimension"] == 384
    assert minilm["sha256"] == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    assert {"name", "kind", "dimension", "licence", "sha256"} <= set(minilm)


def test_cache_commands(run, knobs, tiny_bert):
    assert run("embed", knobs, "--model", tiny_bert, "-o", knobs.with_suffix(".npy")).status == 0
    assert run("cache", "stats", "--json").json()["entries"] == 60
    assert run("cache", "verify").status == 0
    assert run("cache", "prune", "--max-gb", "0").status == 0
    assert run("cache", "stats", "--json").json()["entries"] == 0
    assert run("cache", "clear", "--yes").status == 0


@pytest.mark.parametrize(
    ("answer", "status", "said"), [("", 2, "no answer"), ("n\n", 0, "nothing was removed")]
)
def test_the_cache_is_not_cleared_without_a_yes(run, knobs, tiny_bert, monkeypatch, answer, status, said):
    assert run("embed", knobs, "--model", tiny_bert, "-o", knobs.with_suffix(".npy")).status == 0
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    found = run("cache", "clear")
    assert found.status == status
    assert said in found.out + found.err
    assert run("cache", "stats", "--json").json()["entries"] == 60


def test_the_cache_says_where_the_model_of_a_service_is(run):
    embedder = make_embedder("openai:m?base_url=http://localhost:1234/v1")
    EmbeddingCache().put(embedder.fingerprint(), ["a"], np.ones((1, 3), np.float32), model=embedder.name)
    assert "openai:m at localhost:1234/v1: 1 of dimension 3" in run("cache", "stats").out


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["compare", "missing.csv", "--target", "tps"], 2, "missing.csv"),
        (["compare", "{knobs}", "--target", "tsp"], 2, "tps"),
        (["compare", "{knobs}"], 2, "--target"),
        (["compare", "{knobs}", "--target", "policy"], 1, "policy"),
        (["compare", "{knobs}", "--target", "tps", "--model", "minilmm"], 2, "minilm"),
        (["compare", "{knobs}", "--target", "tps", "--serializer", "jsn"], 2, "json"),
        (["compare", "{knobs}", "--target", "tps", "--max-rows", "5"], 2, "rows"),
        (["compare", "missing.csv", "--target", "tps", "--combination", "fsat"], 2, "fast"),
        (["fit", "{knobs}", "--target", "tps", "-o", "{knobs}", "--model", "{model}"], 1, "existing"),
        (["fit", "{knobs}", "--target", "tps", "-o", "m", "--head", "rigde"], 2, "ridge"),
        (["predict", "nothing-here", "{knobs}"], 1, "manifest.json"),
        (["models", "pull", "minilmm"], 2, "minilm"),
        (["fit", "{knobs}", "--target", "tps", "-o", "m", "--head", "ridge", "--effort", "fast"], 2, "leave"),
        (["fit", "missing.csv", "--target", "tps", "-o", "m", "--device", "foo"], 2, "device 'foo'"),
        (["embed", "missing.csv", "-o", "v.npy", "--device", "cuda:x"], 2, "device 'cuda:x'"),
        (["no-such-command"], 2, "no-such-command"),
        (["predict", "m", "{knobs}", "--coverage", "nan"], 2, "coverage"),
        (["predict", "m", "{knobs}", "-o", "{knobs.parent}"], 2, "the folder"),
    ],
)
def test_wrong_use_is_one_readable_line(run, knobs, tiny_bert, words, status, said):
    outcome = run(*[w.format(knobs=knobs, model=tiny_bert) for w in words])
    assert outcome.status == status
    assert outcome.out == ""
    assert outcome.err.count("\n") == 1
    assert said in outcome.err
    assert "Traceback" not in outcome.err


def test_debug_shows_the_traceback(run):
    outcome = run("compare", "missing.csv", "--target", "y", "--debug")
    assert outcome.status == 2
    assert "Traceback" in outcome.err


@pytest.mark.parametrize(
    ("target", "said"), [("nan", "row"), ("inf", "row"), ("constant", "constant"), ("word", "number")]
)
def test_targets_that_cannot_be_used_stop_before_any_embedding(
    run, tmp_path, tiny_bert, monkeypatch, target, said
):
    values = {"nan": ["1", "NaN"], "inf": ["1", "inf"], "constant": ["1", "1"], "word": ["1", "high"]}[target]
    data = tmp_path / "bad.csv"
    data.write_text("x,y\n" + "".join(f"{i},{values[i % 2]}\n" for i in range(40)))

    def never(*_: object, **__: object) -> None:
        raise AssertionError("embedded")

    monkeypatch.setattr("embedreg.text_embedder.embed_texts", never)
    outcome = run("compare", data, "--target", "y", "--model", tiny_bert)
    assert outcome.status == 1
    assert said in outcome.err


def test_ctrl_c_is_one_line_and_status_1(run, knobs, tiny_bert, monkeypatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("embedreg.text_embedder.embed_texts", interrupted)
    outcome = run("compare", knobs, "--target", "tps", "--model", tiny_bert)
    assert outcome.status == 1
    assert outcome.err.strip().startswith("embedreg: interrupted")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("--model", "{}"),
            "interrupted; finished embeddings are kept, and the same command goes on from there",
        ),
        (("--model", "{}", "--no-cache"), "interrupted"),
        (("--representation", "tabular"), "interrupted"),
    ],
)
def test_ctrl_c_says_what_is_kept_where_something_is(
    run, knobs, tiny_bert, tmp_path, monkeypatch, words, said
):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("embedreg.one_head.fit_many", interrupted)
    for _ in range(2):  # the second time they are found
        outcome = run(*fit_words(knobs, tmp_path / "m", *(word.format(tiny_bert) for word in words)))
        assert (outcome.status, outcome.err.strip()) == (1, f"embedreg: {said}")


def test_ctrl_c_says_that_results_are_kept(run, knobs, tiny_bert, tmp_path, monkeypatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    words = ("compare", knobs, "--target", "tps", "--model", tiny_bert, "--seeds", 1, *QUICK)
    monkeypatch.setattr("embedreg.report.save_comparison", interrupted)
    assert "finished embeddings and results are kept" in run(*words, "--output", tmp_path).err


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("embed", ["-o", "{out}", "--target", "tps"]),
        ("fit", ["-o", "{out}", "--target", "tps", "--head", "ridge"]),
        ("compare", ["--output", "{out}", "--target", "tps"]),
    ],
)
def test_a_dry_run_says_what_it_would_take_and_does_nothing(run, knobs, tmp_path, command, words):
    out = tmp_path / "out.npy"
    model = "openai:text-embedding-3-small"  # without a key: nothing can be sent
    outcome = run(command, knobs, *[w.format(out=out) for w in words], "--model", model, "--dry-run")

    assert (outcome.status, outcome.err) == (0, "")
    assert "60, of which 60 distinct" in outcome.out
    assert "requests  1" in outcome.out
    assert "$0.02 for a million tokens" in outcome.out
    assert not out.exists()


def test_a_dry_run_of_a_comparison_counts_the_rows_it_would_embed(run, knobs, tiny_bert):
    words = ("compare", knobs, "--target", "tps", "--model", tiny_bert, "--seeds", 2, "--max-rows", 30)
    plan = run(*words, "--dry-run", "--json").json()

    assert 30 < plan["distinct"] < 60
    assert run(*words, *QUICK).status == 0
    assert run("cache", "stats", "--json").json()["entries"] == plan["distinct"]
    assert run(*words, "--dry-run", "--json").json()["cached"] == plan["distinct"]


@pytest.mark.parametrize(("effort", "texts"), [("none", 60), ("fast", 120)])
def test_a_dry_run_of_a_comparison_counts_what_the_combination_reads(run, tmp_path, tiny_bert, effort, texts):
    data = tmp_path / "reviews.csv"
    data.write_text("review,y\n" + "".join(f"the model of {i} units,{i % 7}\n" for i in range(60)))
    words = ("compare", data, "--target", "y", "--model", tiny_bert, "--seeds", 2, "--dry-run")
    plan = run(*words, "--combination", effort, "--json").json()
    assert (plan["distinct"], plan["at_most"]) == (texts, effort != "none")
    assert (f"at most {texts}" in run(*words, "--combination", effort).out) == plan["at_most"]


def test_a_dry_run_without_an_embedding_is_refused(run, knobs, tmp_path):
    words = fit_words(knobs, tmp_path / "m", "--representation", "tabular", "--dry-run")
    assert run(*words).status == 2


def test_a_dry_run_of_a_fit_counts_the_texts_of_every_format_it_would_try(run, knobs, tiny_bert, tmp_path):
    words = ("fit", knobs, "--target", "tps", "-o", tmp_path / "m", "--model", tiny_bert)
    plan = run(*words, "--effort", "best", "--dry-run", "--json").json()
    assert plan["texts"] == 120
    assert run(*words, "--dry-run", "--json").json()["texts"] == 0
    assert not (tmp_path / "m").exists()


def test_fit_by_itself_says_what_it_tried_and_chose(run, knobs, tiny_bert, tmp_path, small_members):
    words = ("fit", knobs, "--target", "tps", "--model", tiny_bert, "--effort", "best")
    outcome = run(*words, "-o", tmp_path / "a")
    assert "their weighted mean" in outcome.out
    assert "ridge on text of ranks" in outcome.out
    found = run(*words, "-o", tmp_path / "b", "--json").json()["explanation"]
    assert sum(member["weight"] for member in found["members"]) == pytest.approx(1)
    assert run("explain", tmp_path / "b", "--json").json() == found
    assert "their weighted mean" in run("explain", tmp_path / "b").out


def test_predict_adds_intervals_and_quantiles(run, knobs, combined, tmp_path):
    out = tmp_path / "out.csv"
    outcome = run("predict", combined, knobs, "-o", out, "--coverage", 0.8, "--quantiles", "0.25, 0.5")
    assert outcome.status == 0, outcome.err
    with out.open() as file:
        rows = list(csv.DictReader(file))
    added = ["prediction", "prediction_lower", "prediction_upper", "prediction_q0.25", "prediction_q0.5"]
    assert list(rows[0])[-5:] == added
    for row in rows:
        _, low, high, quarter, middle = (float(row[name]) for name in added)
        assert low <= quarter <= middle <= high


def test_evaluate_says_how_many_true_numbers_the_intervals_hold(run, knobs, combined):
    found = run("evaluate", combined, knobs, "--json").json()["intervals"]
    assert list(found) == ["50%", "80%", "90%"]
    assert found["50%"]["mean_width"] < found["90%"]["mean_width"]
    assert found["90%"]["covered"] > 0.8
    assert "90% intervals hold" in run("evaluate", combined, knobs).out


@pytest.mark.parametrize("acquisition", ["expected_improvement", "thompson"])
def test_suggest_writes_the_most_promising_rows_as_they_were(run, knobs, combined, tmp_path, acquisition):
    header, *lines = knobs.read_text().splitlines()
    unlabelled = tmp_path / "candidates.csv"
    unlabelled.write_text("\n".join(line.rsplit(",", 1)[0] for line in [header, *lines]))
    words = ("suggest", combined, unlabelled, "-k", 4, "--acquisition", acquisition, "--maximize")
    outcome = run(*words)
    assert outcome.status == 0, outcome.err
    first, *rows = outcome.out.splitlines()
    assert first == "threads,cache,policy"
    assert len(set(rows)) == 4
    assert all(row in unlabelled.read_text() for row in rows)
    assert np.mean([int(row.split(",")[0]) for row in rows]) > 8
    run(*words, "-o", tmp_path / "next.csv")
    assert (tmp_path / "next.csv").read_text().splitlines() == outcome.out.splitlines()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["predict", "{fitted}", "{knobs}", "--coverage", "0.9"], "--head auto"),
        (["explain", "{fitted}"], "head 'auto'"),
        (["suggest", "{fitted}", "{knobs}"], "head 'auto'"),
        (["predict", "{fitted}", "{knobs}", "--coverage", "90"], "range"),
        (["predict", "{fitted}", "{knobs}", "--quantiles", "a,b"], "numbers"),
        (["predict", "missing", "{knobs}", "--quantiles", ""], "numbers"),
        (["predict", "missing", "{knobs}", "--quantiles", "0,1"], "range"),
        (["predict", "missing", "{knobs}", "--quantiles", "0.5,nan"], "range"),
        (["predict", "missing", "{knobs}", "--quantiles", "0.5,0.50"], "more than once"),
        (["predict", "missing", "{knobs}", "--column", " "], "no name"),
        (["suggest", "missing", "{knobs}", "--best", "nan"], "finite"),
        (["suggest", "missing", "{knobs}", "--best", "-inf"], "finite"),
        (["fit", "{knobs}", "--target", "tps", "-o", "m", "--effort", "quick"], "balanced"),
    ],
)
def test_what_a_model_cannot_tell_is_one_readable_line(run, knobs, fitted, words, said):
    outcome = run(*[w.format(knobs=knobs, fitted=fitted) for w in words])
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.count("\n") == 1
    assert said in outcome.err


def test_suggest_says_how_many_rows_were_measured_already(run, knobs, combined, tmp_path):
    header, first, second, *_ = knobs.read_text().splitlines()
    fresh = "96," + first.split(",", 1)[1]
    candidates = tmp_path / "candidates.csv"
    candidates.write_text("\n".join([header, first, fresh, fresh, second]))
    outcome = run("suggest", combined, candidates, "-k", 3)
    assert outcome.out.splitlines()[1] == fresh
    assert set(outcome.out.splitlines()[2:]) == {first, second}
    assert "2 of the 3 suggestions" in outcome.err


def test_suggest_says_that_there_are_too_few_candidates(run, knobs, combined):
    outcome = run("suggest", combined, knobs, "-k", 61)
    assert outcome.status == 2
    assert "k=61 of 60" in outcome.err


def test_no_output_overwrites_the_input(run, knobs, fitted, monkeypatch):
    def never(*_: object, **__: object) -> None:
        raise AssertionError("went to work")

    monkeypatch.setattr("embedreg.regressor.EmbeddingRegressor.load", never)
    monkeypatch.setattr("embedreg.regressor.EmbeddingRegressor.fit", never)
    monkeypatch.setattr("embedreg.tasks.resolve_input", never)
    monkeypatch.chdir(knobs.parent)
    link = knobs.with_name("link.csv")
    link.symlink_to(knobs)
    (fitted / "train.csv").write_text(before := knobs.read_text())
    for words in (
        ("predict", fitted, knobs, "-o", "knobs.csv"),
        ("predict", fitted, "./knobs.csv", "-o", knobs),
        ("predict", fitted, link, "-o", knobs),
        ("suggest", fitted, knobs, "-o", link),
        ("embed", knobs, "-o", "../" + knobs.parent.name + "/knobs.csv"),
        ("study", "report", knobs, "-o", link),
    ):
        outcome = run(*words)
        assert (outcome.status, outcome.out) == (2, ""), words
        assert "the input would be lost" in outcome.err
    outcome = run("fit", fitted / "train.csv", "--target", "tps", "-o", fitted, "--overwrite")
    assert (outcome.status, outcome.out) == (1, "")
    assert "holds other files" in outcome.err
    assert knobs.read_text() == (fitted / "train.csv").read_text() == before


def test_too_few_rows_come_with_advice_for_the_command(run, tmp_path):
    data = tmp_path / "few.csv"
    data.write_text("a,y\n1,2\n2,3\n3,4\n")
    outcome = run("fit", data, "--target", "y", "-o", tmp_path / "m")
    assert outcome.status == 1
    assert outcome.err.endswith("name a head, such as ridge\n")


@pytest.mark.parametrize(
    ("command", "name"), [("compare", "rows.csv"), ("smoothness", "smoothness_factors.csv")]
)
def test_no_file_of_a_report_overwrites_the_input(run, knobs, monkeypatch, command, name):
    monkeypatch.setattr("embedreg.tasks.load_labelled", lambda *_, **__: pytest.fail("went to work"))
    data = knobs.rename(knobs.with_name(name))
    before = data.read_text()
    outcome = run(command, data, "--target", "tps", "--output", data.parent)
    assert (outcome.status, outcome.out) == (2, "")
    assert "the input would be lost" in outcome.err
    assert data.read_text() == before


@pytest.mark.parametrize("command", ["compare", "smoothness"])
def test_a_report_that_cannot_be_written_is_refused_before_the_data_are_read(run, knobs, command):
    outcome = run(command, "missing.csv", "--target", "tps", "--output", knobs / "report")
    assert outcome.status == 1
    assert f"while writing {knobs / 'report'}" in outcome.err


def test_predict_counts_what_is_new_over_all_batches(run, combined, tmp_path):
    data = tmp_path / "new.csv"
    data.write_text("threads,cache,policy\n" + "3,1.5,lru\n3,1.5,odd\n" * 50)
    outcome = run("predict", combined, data, "--coverage", 0.8, "--batch-rows", 7)
    assert outcome.status == 0, outcome.err
    assert outcome.err.count("'policy' (in 50 of 100 records)") == 1


def test_suggest_refuses_a_file_it_cannot_write_before_it_chooses(
    run, knobs, combined, tmp_path, monkeypatch
):
    monkeypatch.setattr("embedreg.regressor.EmbeddingRegressor.suggest", None)
    outcome = run("suggest", combined, knobs, "-o", tmp_path / "next.xlsx")
    assert (outcome.status, ".csv" in outcome.err) == (2, True)


@pytest.mark.parametrize(
    "words",
    [("cache", "prune", "--max-gb", "nan"), ("cache", "prune", "--older-than", "inf")],
)
def test_numbers_that_are_not_finite(run, words):
    outcome = run(*words)
    assert (outcome.status, "is no finite number" in outcome.err) == (2, True)


def test_a_coverage_that_is_no_number_is_refused_before_a_line_is_written(run, knobs, combined):
    outcome = run("predict", combined, knobs, "--coverage", "nan")
    assert (outcome.status, outcome.out) == (2, "")


def test_evaluate_refuses_targets_whose_errors_no_number_holds(run, knobs, combined, tmp_path):
    data = tmp_path / "large.csv"
    data.write_text(knobs.read_text().rstrip("\n") + "\n1,0.5,lru,1e160\n")
    outcome = run("evaluate", combined, data, "--json")
    assert (outcome.status, outcome.out) == (1, "")


def test_several_targets_have_their_own_ends_and_no_score(run, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=60)
    records, y = [{"a": float(value)} for value in x], np.c_[x, 10 + x**2]
    model = EmbeddingRegressor(representation="tabular", effort="fast").fit(records, y)
    model.save(tmp_path / "m", extra={"input": InputSpec("y").to_json()})
    data = tmp_path / "d.csv"
    data.write_text("a,y\n0.5,1\n-1.0,2\n")  # as many rows as targets
    outcome = run("predict", tmp_path / "m", data, "--coverage", 0.8)
    assert outcome.status == 0, outcome.err
    rows = list(csv.DictReader(io.StringIO(outcome.out)))
    ends = model.predict_interval([{"a": 0.5}, {"a": -1.0}], 0.8)
    for place, end in enumerate(("lower", "upper")):
        found = [json.loads(row[f"prediction_{end}"]) for row in rows]
        np.testing.assert_allclose(found, ends[..., place])
    outcome = run("evaluate", tmp_path / "m", data)
    assert (outcome.status, "predicts several targets" in outcome.err) == (2, True)


def test_an_embedders_options_are_refused_where_there_is_none(run, knobs, tmp_path):
    outcome = run(*fit_words(knobs, tmp_path / "m", "--representation", "tabular", "--pooling", "bogus"))
    assert (outcome.status, "--pooling with --representation tabular" in outcome.err) == (2, True)


def test_texts_that_spell_numbers_are_fitted_and_predicted(run, tmp_path):
    data = tmp_path / "d.csv"
    texts = ["123", "-inf", "2024-01-01 10:00:00", *(f"review {i % 5} {i}" for i in range(57))]
    data.write_text("t,y\n" + "".join(f"{text},{i % 7}\n" for i, text in enumerate(texts)))
    words = ("fit", data, "--target", "y", "--text", "t", "-o", tmp_path / "m", "--representation", "tabular")
    outcome = run(*words, "--effort", "fast")
    assert outcome.status == 0, outcome.err
    assert run("predict", tmp_path / "m", data).status == 0
