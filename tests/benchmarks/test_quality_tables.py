"""The arithmetic of the quality benchmark: pairs, intervals, wins."""

from __future__ import annotations

import dataclasses
import importlib
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from benchmarks.quality._page import quality_section
from benchmarks.quality._results import Results, read, write
from benchmarks.quality._tables import (
    Duel,
    Estimate,
    by_method,
    complete,
    differences,
    mean_by_family,
    outcome,
    task_means,
)


def row(method, task, seed, tau, **more):
    seconds = {"fit_seconds": 1.0, "fit_processor_seconds": 2.0, "predict_seconds": 0.1}
    return (
        {"method": method, "task": task, "family": task.partition("/")[0], "seed": seed, "kendall_tau": tau}
        | seconds
        | more
    )


def test_an_interval_is_students():
    values = [0.1, 0.4, 0.2, 0.5]
    found = Estimate.of(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert (found.mean, found.count) == (pytest.approx(0.3), 4)


def test_one_value_has_no_interval_and_none_no_mean():
    assert math.isnan(Estimate.of([0.5]).low)
    assert str(Estimate.of([0.5])) == "0.500"
    assert str(Estimate.of([])) == ""


def test_equal_values_have_an_interval_of_no_width():
    assert str(Estimate.of([0.25, 0.25])) == "0.250 [0.250, 0.250]"


def test_differences_are_of_the_draws_that_both_have():
    rows = [
        row("a", "f/1", 0, 0.5),
        row("a", "f/1", 1, 0.7),
        row("a", "f/1", 2, 0.9),
        row("a", "f/2", 0, 0.1),
        row("b", "f/1", 1, 0.4),
        row("b", "f/1", 0, 0.4),
        row("b", "f/3", 0, 0.4),
    ]
    assert differences(rows, "a", "b") == {"f/1": pytest.approx([0.1, 0.3])}
    assert differences(rows, "a", "nobody") == {}


@pytest.mark.parametrize(
    ("over_seeds", "expected"),
    [
        ([0.10, 0.11, 0.09], "win"),
        ([-0.10, -0.11, -0.09], "loss"),
        ([0.3, -0.1, 0.1], "tie"),
        ([0.0, 0.0], "tie"),
        ([0.2, 0.2], "win"),
        ([0.9], None),
    ],
)
def test_a_win_is_an_interval_above_zero(over_seeds, expected):
    assert outcome(over_seeds) == expected


def test_a_duel_counts_tasks_not_seeds():
    pairs = {
        "f/won": [0.1, 0.1],
        "f/lost": [-0.2, -0.2],
        "f/tied": [0.1, -0.11],
        "f/single": [-0.3],
        "f/even": [0.0, 0.0],
    }
    duel = Duel.of(pairs)
    assert (duel.tasks, duel.wins, duel.ties, duel.losses, duel.single) == (5, 1, 2, 1, 1)
    assert duel.mean.mean == pytest.approx((0.1 - 0.2 - 0.005 - 0.3) / 5)
    assert (duel.ahead, duel.far_behind) == (0.2, 0.4)
    assert (duel.worst_task, duel.worst) == ("f/single", -0.3)


def test_means_are_of_draws_that_all_methods_finished():
    rows = [
        row("a", "f/1", 0, 0.2),
        row("a", "f/1", 1, 0.8),
        row("b", "f/1", 1, 0.5),
        row("c", "f/1", 0, 0.5),
    ]
    kept = complete(rows, ["a", "b"])
    assert [(r["method"], r["seed"]) for r in kept] == [("a", 1), ("b", 1)]
    assert complete(rows, ["b", "c"]) == []
    assert complete(rows, ["a", "nobody"]) == []


def test_a_task_counts_once_however_many_seeds_it_has():
    rows = [row("a", "f/1", seed, tau) for seed, tau in enumerate([0.2, 0.4])] + [
        row("a", "f/2", 0, 0.9),
        row("a", "g/1", 0, 0.1),
    ]
    means = task_means(by_method(rows)["a"], "kendall_tau")
    assert means == {"f/1": pytest.approx(0.3), "f/2": 0.9, "g/1": 0.1}
    families = mean_by_family(means, {"f/1": "f", "f/2": "f", "g/1": "g"})
    assert (families["f"].mean, families["f"].count, families["g"].count) == (pytest.approx(0.6), 2, 1)


def test_a_metric_that_a_row_lacks_is_left_out():
    rows = [row("a", "f/1", 0, 0.2, coverage_80=0.7), row("a", "f/1", 1, 0.2), row("a", "f/2", 0, 0.2)]
    assert task_means(by_method(rows)["a"], "coverage_80") == {"f/1": 0.7}


@pytest.fixture
def results():
    rng = np.random.default_rng(0)
    covered = {"coverage_80": 0.78, "coverage_90": 0.9, "width_80": 0.5, "width_90": 0.6}
    rows = [
        row(method, task, seed, round(tau + float(rng.normal(0, 0.001)), 6), **more)
        for method, tau, more in (
            ("embedreg-balanced", 0.6, covered),
            ("embedreg-tabular-balanced", 0.55, covered),
            ("xgboost-tuned", 0.5, {}),
            ("paper", 0.7, {}),
        )
        for task in ("xla/a", "xla/b", "text/c")
        for seed in (0, 1)
    ]
    failures = [
        {"method": "skrub", "task": "xla/a", "family": "xla", "seed": 0, "error": "ValueError: a | b\nc"}
    ]
    return Results(
        rows=rows,
        failures=failures,
        cells=100,
        tasks={"automl": 2, "xla": 3, "text": 1},
        seeds=[0, 1, 2],
        sampled=500,
        versions={"xgboost": ["3.0"]},
        date="2030-01-01",
        machine="a box",
    )


def test_the_page_says_how_much_was_run(results):
    text = quality_section(results)
    assert (
        "**24 of 100 cells are run (the tables are of the finished ones alone)**, collected 2030-01-01, on a box"
        in text
    )
    assert "Tasks with any: automl 0 of 2, xla 2 of 3, text 1 of 1. Tasks with all 3 seeds" in text
    assert text.count(" 0 of 3") == 4  # methods that lack the third seed
    every = quality_section(dataclasses.replace(results, seeds=[0, 1], rows=results.rows[1:]))
    assert (
        "Tasks with all 2 seeds, of those with any: embedreg-balanced 2 of 3, embedreg-tabular-balanced 3 of 3"
        in every
    )
    assert quality_section(Results([])) == "## Quality\n\nNothing is run yet.\n"


def test_the_page_has_every_table(results):
    text = quality_section(results)
    assert "| embedreg-balanced | xgboost-tuned | 0.10" in text
    assert "| 3 | 3 / 0 / 0 | 0 | 100% | 0% |" in text
    assert "| embedreg-balanced | paper | -0.10" in text
    assert "| xla | 2 | 0.05" in text  # what embeddings add
    assert "| text | 1 | 0.780 | 0.500 | 0.900 | 0.600 |" in text
    assert "| skrub | xla/a | 0 | ValueError: a / b c |" in text
    assert (
        "above `xgboost-tuned` in every family: in 2 of 2 families with any task run; not run: automl."
        in text
    )
    assert (
        "- Behind a peer by more than 0.02 on 5% of tasks at most: paper 100% of 3, xgboost-tuned 0% of 3."
        in text
    )
    assert "- Ahead of `paper` on 90% of tasks: 0% of 3." in text


def test_an_effort_that_has_run_on_less_is_left_out_of_the_means(results):
    extra = row("embedreg-best", "xla/a", 0, 0.9)
    assert "| family | tasks | embedreg-balanced | paper | xgboost-tuned |" in quality_section(
        dataclasses.replace(results, rows=[*results.rows, extra])
    )


def test_the_page_names_methods_whose_settings_have_changed(results):
    then = dict.fromkeys(by_method(results.rows), "a")
    made = dataclasses.replace(results, settings=then)
    assert "have changed" not in quality_section(made, then)
    assert "rows were made:** paper." in quality_section(made, then | {"paper": "b"})


def test_the_results_page_has_the_section_where_rows_are_stored(results, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "docs")
    results_page = importlib.import_module("results_page").results_page
    assert "## Quality" not in results_page(tmp_path)[0]
    write(results, tmp_path / "quality.parquet")
    text = results_page(tmp_path)[0]
    assert "24 of 100 cells are run" in text
    assert "Settings have changed since these rows were made:** embedreg-balanced" in text


def test_results_are_read_as_they_were_written(results, tmp_path):
    write(results, tmp_path / "quality.parquet")
    assert read(tmp_path / "quality.parquet") == results
