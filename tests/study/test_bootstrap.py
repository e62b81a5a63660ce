"""Bootstrap intervals: what they contain, how wide they are, and that methods are paired."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from embedreg.core.errors import DataError, UsageError
from embedreg.study._bootstrap import bootstrap, bootstrap_intervals
from embedreg.study._metrics import METRICS, evaluate


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def noisy(rng, n, noise=1.0):
    y = rng.normal(size=n)
    return y, y + noise * rng.normal(size=n)


def test_means_are_those_of_the_seeds(rng):
    pairs = [noisy(rng, n) for n in (40, 50, 60)]
    found = bootstrap_intervals([y for y, _ in pairs], [p for _, p in pairs])
    assert list(found) == list(METRICS)
    for name, interval in found.items():
        assert interval.per_seed == [evaluate(y, p)[name] for y, p in pairs]
        assert interval.mean == pytest.approx(np.mean(interval.per_seed))
        assert interval.low < interval.mean < interval.high


def test_one_seed_agrees_with_resampling_rows_one_by_one(rng):
    y, prediction = noisy(rng, 60)
    found = bootstrap_intervals([y], [prediction], resamples=4000)
    rows = [rng.integers(60, size=60) for _ in range(1000)]
    for name in METRICS:
        low, high = np.quantile([METRICS[name](y[r], prediction[r]) for r in rows], [0.025, 0.975])
        width = high - low
        assert found[name].low == pytest.approx(low, abs=0.1 * width)
        assert found[name].high == pytest.approx(high, abs=0.1 * width)


def test_the_width_for_pearson_is_that_of_fisher(rng):
    y, prediction = noisy(rng, 400)
    found = bootstrap_intervals([y], [prediction], resamples=2000)["pearson"]
    fisher = stats.pearsonr(y, prediction).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((fisher.low, fisher.high), abs=0.02)


def test_a_higher_level_is_wider(rng):
    y, prediction = noisy(rng, 50)
    narrow, wide = (bootstrap_intervals([y], [prediction], level=level)["mae"] for level in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_more_rows_are_narrower(rng):
    widths = [
        np.ptp([i.low, i.high])
        for n in (50, 800)
        for i in [bootstrap_intervals(*[[v] for v in noisy(rng, n)])["kendall_tau"]]
    ]
    assert widths[1] == pytest.approx(widths[0] / 4, rel=0.4)


def test_seeds_that_disagree_widen_the_interval(rng):
    y = rng.normal(size=50)
    alike = bootstrap_intervals([y] * 5, [y] * 5)["pearson"]
    apart = bootstrap_intervals([y] * 5, [y, y, y, -y, -y])["pearson"]
    assert alike.high - alike.low < 1e-9
    assert apart.mean == pytest.approx(0.2)
    assert apart.low < -0.5
    assert apart.high > 0.8


def test_it_repeats_and_the_seed_matters(rng):
    y, prediction = noisy(rng, 30)
    first, again, other = (bootstrap_intervals([y], [prediction], seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_repeated_inputs_are_drawn_together(rng):
    y, prediction = noisy(rng, 40)
    ten_times = [np.repeat(v, 10) for v in (y, prediction)]
    groups = np.repeat(np.arange(40), 10)
    single = bootstrap_intervals([y], [prediction])["rmse"]
    together = bootstrap_intervals(*[[v] for v in ten_times], groups_by_seed=[groups])["rmse"]
    apart = bootstrap_intervals(*[[v] for v in ten_times])["rmse"]
    assert (together.low, together.high) == pytest.approx((single.low, single.high))
    assert apart.high - apart.low < 0.5 * (single.high - single.low)


def test_methods_are_paired(rng):
    y, prediction = noisy(rng, 50)
    drawn = bootstrap([y], {"one": [prediction], "the same": [2 * prediction + 1]})
    difference = (drawn["one"]["kendall_tau"] - drawn["the same"]["kendall_tau"]).interval()
    assert (difference.low, difference.mean, difference.high) == (0.0, 0.0, 0.0)


def test_a_method_does_not_depend_on_the_others(rng):
    y, prediction = noisy(rng, 50)
    alone = bootstrap([y], {"a": [prediction]})["a"]["r2"].interval()
    assert bootstrap([y], {"b": [-y], "a": [prediction]})["a"]["r2"].interval() == alone


def test_parts_of_the_resamples_add_up(rng, monkeypatch):
    monkeypatch.setattr("embedreg.study._bootstrap._MAX_COUNTS", 1000)
    y, prediction = noisy(rng, 30)
    assert bootstrap([y], {"m": [prediction]}, resamples=101)["m"]["mae"].replicates.shape == (101,)


def test_metrics_can_be_chosen(rng):
    y, prediction = noisy(rng, 30)
    assert list(bootstrap_intervals([y], [prediction], ["mae"])) == ["mae"]
    with pytest.raises(UsageError, match="mae"):
        bootstrap_intervals([y], [prediction], ["mea"])


def test_plain_lists_and_integers_will_do():
    assert bootstrap_intervals([[1, 2, 3, 4]], [[1, 2, 3, 5]])["mae"].mean == 0.25


def test_a_prediction_that_is_not_finite_is_refused():
    with pytest.raises(DataError, match="predictions not finite"):
        bootstrap([np.arange(3.0)], {"m": [np.array([0.0, np.nan, 1.0])]})


@pytest.mark.slow
def test_equally_good_methods_differ_by_chance_in_about_one_in_twenty():
    """Two exchangeable representations of the same 300 rows, ridge, five overlapping splits."""
    rng = np.random.default_rng(0)
    covered = [_interval_of_no_difference(rng) for _ in range(150)]
    assert 0.90 <= np.mean(covered) <= 1.0


def _interval_of_no_difference(rng):
    x = rng.normal(size=(300, 8))
    y = x @ rng.normal(size=8) + 3 * rng.normal(size=300)
    views = [np.tanh(x @ rng.normal(size=(8, 30)) * 0.4 + 0.5 * rng.normal(size=(300, 30))) for _ in range(2)]
    targets, predictions = [], {0: [], 1: []}
    for _ in range(5):
        order = rng.permutation(300)
        test, train = order[:30], order[60:]
        targets.append(y[test])
        for i, view in enumerate(views):
            gram = view[train].T @ view[train] + 10 * np.eye(30)
            predictions[i].append(view[test] @ np.linalg.solve(gram, view[train].T @ y[train]))
    drawn = bootstrap(targets, {str(i): p for i, p in predictions.items()}, resamples=200)
    interval = (drawn["0"]["kendall_tau"] - drawn["1"]["kendall_tau"]).interval()
    return interval.low <= 0 <= interval.high
