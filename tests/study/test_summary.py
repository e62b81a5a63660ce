"""From predictions to results."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from embedreg.core.errors import DataError, UsageError
from embedreg.study._metrics import METRICS, evaluate
from embedreg.study._statistics import corrected_resampled_t_test, holm
from embedreg.study._summary import MethodRuns, summarise

NOISE = {
    "tabular + mlp": 1.5,
    "tabular + xgboost": 0.5,
    "embedding + mlp": 0.9,
    "embedding + ridge": 0.1,
}


@pytest.fixture
def targets():
    rng = np.random.default_rng(0)
    return [rng.normal(size=60) for _ in range(5)]


def run(name, predictions):
    representation, _, head = name.partition(" + ")
    return MethodRuns(name, representation, head, predictions, [3, 4, 6], [{"penalty": 1.0}], 0.5)


@pytest.fixture
def runs(targets):
    rng = np.random.default_rng(1)
    noisy = [run(name, [y + noise * rng.normal(size=60) for y in targets]) for name, noise in NOISE.items()]
    mean = MethodRuns("mean of y", "none", "mean", [np.zeros(60) for _ in targets], [0], [{}], 0.0)
    return [*noisy, mean]


@pytest.fixture
def summary(runs, targets):
    return summarise(runs, targets, test_fraction_ratio=1 / 8)


def test_the_best_comes_first(summary):
    assert [m.name for m in summary.methods] == [
        "embedding + ridge",
        "tabular + xgboost",
        "embedding + mlp",
        "tabular + mlp",
        "mean of y",
    ]
    assert (summary.best_embedding, summary.best_tabular) == ("embedding + ridge", "tabular + xgboost")
    assert summary.verdict.startswith("The embedding with ridge beats traditional features")


def test_metrics_are_those_of_the_predictions(summary, runs, targets):
    by_name = {m.name: m for m in summary.methods}
    for r in runs:
        found = by_name[r.name].metrics
        assert list(found) == list(METRICS)
        expected = [evaluate(y, p)["mae"] for y, p in zip(targets, r.predictions, strict=True)]
        assert found["mae"].per_seed == expected


def test_what_was_given_is_handed_on(summary):
    method = summary.methods[0]
    assert (method.representation, method.head, method.dimension) == ("embedding", "ridge", 4)
    assert (method.chosen, method.seconds) == ([{"penalty": 1.0}], 0.5)


def test_differences_are_against_the_best_traditional_method(summary):
    by_name = {m.name: m for m in summary.methods}
    assert by_name["tabular + xgboost"].difference is None
    assert by_name["mean of y"].difference is None
    best = np.array(by_name["tabular + xgboost"].metrics["kendall_tau"].per_seed)
    compared = ["tabular + mlp", "embedding + mlp", "embedding + ridge"]
    p_values = []
    for name in compared:
        difference = by_name[name].difference
        expected = by_name[name].metrics["kendall_tau"].per_seed - best
        assert difference.against == "tabular + xgboost"
        assert difference.mean == pytest.approx(expected.mean())
        assert difference.low < difference.mean < difference.high
        p_values.append(corrected_resampled_t_test(expected, 1 / 8))
        assert difference.p == p_values[-1]
    assert [by_name[name].difference.p_adjusted for name in compared] == holm(p_values)


@pytest.fixture
def combination(targets):
    members = [{"name": "boosted trees", "kind": "tabular", "weight": 1.0}]
    chosen = [{"effort": "fast", "members": members} for _ in targets]
    better = [y + 0.01 * np.sin(99 * y) for y in targets]
    return MethodRuns("combination", "both", "combination", better, [0] * 5, chosen, 9.0)


def test_both_together_are_on_neither_side_and_count_as_a_comparison(runs, targets, summary, combination):
    found = summarise([*runs, combination], targets, test_fraction_ratio=1 / 8)
    assert found.methods[0].name == "combination"
    assert (found.best_embedding, found.best_tabular) == (summary.best_embedding, summary.best_tabular)
    differences = {m.name: m.difference for m in found.methods if m.difference}
    assert differences["combination"].against == "tabular + xgboost"
    compared = list(differences)
    assert [differences[name].p_adjusted for name in compared] == holm(
        [differences[name].p for name in compared]
    )
    assert len(compared) == 4
    assert found.combination_sentence.startswith("The combination that")
    assert "ahead of traditional features with XGBoost" in found.combination_sentence
    assert summary.combination_sentence == ""


def test_there_is_one_combination_at_most(runs, targets, combination):
    other = dataclasses.replace(combination, name="another")
    with pytest.raises(UsageError, match="distinct names"):
        summarise([*runs, combination, other], targets, test_fraction_ratio=1 / 8)


def test_it_repeats(summary, runs, targets):
    assert summarise(runs, targets, test_fraction_ratio=1 / 8) == summary


def test_one_seed_takes_p_from_the_bootstrap(runs, targets):
    one = [MethodRuns(r.name, r.representation, r.head, r.predictions[:1], [3], [{}], 0.1) for r in runs]
    found = summarise(one, targets[:1], test_fraction_ratio=1 / 8, resamples=199)
    difference = next(m for m in found.methods if m.name == "tabular + mlp").difference
    assert difference.p == pytest.approx(2 / 200)
    assert "one split only" in found.verdict


def test_seeds_that_agree_take_p_from_the_bootstrap():
    y = [np.arange(6.0), np.arange(6.0)[::-1].copy()]
    near, far = np.array([1, 0, 2, 3, 4, 5.0]), np.array([2, 1, 0, 3, 4, 5.0])
    both = [run("embedding + ridge", [near, near[::-1]]), run("tabular + mlp", [far, far[::-1]])]
    ours = summarise(both, y, test_fraction_ratio=1 / 8, resamples=99).methods[0].difference
    assert ours.mean > 0.2
    assert ours.p >= 0.02, "two tests of six rows that agree are no proof"


def test_equal_methods_are_level(targets):
    rng = np.random.default_rng(2)
    predictions = [y + rng.normal(size=60) for y in targets]
    found = summarise(
        [run("embedding + ridge", predictions), run("tabular + ridge", predictions)],
        targets,
        test_fraction_ratio=1 / 8,
    )
    difference = found.methods[0].difference
    assert (difference.mean, difference.low, difference.high, difference.p) == (0.0, 0.0, 0.0, 1.0)
    assert "level" in found.verdict


def test_no_information_is_called_chance(targets):
    rng = np.random.default_rng(3)
    guesses = [
        run(name, [rng.normal(size=60) for _ in targets]) for name in ("embedding + ridge", "tabular + ridge")
    ]
    assert summarise(guesses, targets, test_fraction_ratio=1 / 8).verdict.startswith(
        "Neither is shown to predict better"
    )


def test_a_tie_goes_to_the_first(targets):
    same = [run(name, targets) for name in ("tabular + ridge", "tabular + mlp", "embedding + ridge")]
    assert summarise(same, targets, test_fraction_ratio=1 / 8).best_tabular == "tabular + ridge"


@pytest.mark.parametrize(
    "names",
    [
        ["embedding + ridge"],
        ["tabular + ridge"],
        [],
        ["embedding + ridge", "tabular + ridge"] * 2,
        ["embedding + ridge", "tabular + ridge", "other + ridge"],
    ],
)
def test_both_sides_are_needed_once(names, targets):
    with pytest.raises(UsageError, match="distinct names"):
        summarise([run(name, targets) for name in names], targets, test_fraction_ratio=1 / 8)


def test_predictions_that_do_not_fit_are_refused(targets):
    short = [run("embedding + ridge", [y[1:] for y in targets]), run("tabular + ridge", targets)]
    with pytest.raises(DataError, match="one shape"):
        summarise(short, targets, test_fraction_ratio=1 / 8)
