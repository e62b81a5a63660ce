from __future__ import annotations

import numpy as np
import pytest

from embedreg.core.errors import UsageError
from embedreg.heads import XGBoostHead


@pytest.fixture
def step() -> tuple[np.ndarray, np.ndarray]:
    X = np.random.default_rng(0).uniform(size=(200, 3))
    return X, (X[:, 0] > 0.5).astype(float)


def test_stops_before_the_last_round_and_keeps_the_trees_that_count(step: tuple) -> None:
    head = XGBoostHead(max_rounds=400, early_stopping_rounds=10).fit(*step)
    assert head.booster_.num_boosted_rounds() == head.chosen_["rounds"] < 400


def test_the_score_is_the_validation_error_of_the_trees_kept(step: tuple) -> None:
    X, y = step
    head = XGBoostHead(max_rounds=100).fit(X[:150], y[:150], validation=(X[150:], y[150:]))
    mse = np.mean((head.predict(X[150:]) - y[150:]) ** 2) / y[:150].var()
    assert head.chosen_["validation_mse"] == pytest.approx(mse, rel=1e-3)


def test_seeds_differ(step: tuple) -> None:
    X, y = step
    first, second = (XGBoostHead(max_rounds=50, random_state=s).fit(X, y).predict(X) for s in (0, 1))
    assert not np.array_equal(first, second)


def test_learns_what_no_line_can(step: tuple) -> None:
    X, _ = step
    y = (X[:, 0] > 0.5) ^ (X[:, 1] > 0.5)
    assert XGBoostHead(max_rounds=300).fit(X[:150], y[:150]).score(X[150:], y[150:]) > 0.6


def test_weights_pull(step: tuple) -> None:
    X, _ = step
    y = np.arange(200) % 2.0
    up = XGBoostHead(max_rounds=20).fit(X, y, np.where(y == 1, 9.0, 1.0))
    assert up.predict(X).mean() > 0.7


@pytest.mark.parametrize("parameter", ["max_rounds", "early_stopping_rounds", "max_leaves"])
def test_no_rounds_are_refused(step: tuple, parameter: str) -> None:
    with pytest.raises(UsageError, match=f"{parameter}=0"):
        XGBoostHead(**{parameter: 0}).fit(*step)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("learning_rate", 0.0),
        ("max_depth", -1),
        ("min_child_weight", -1.0),
        ("reg_lambda", -1.0),
        ("subsample", 0.0),
        ("colsample_bytree", 1.5),
        ("max_bin", 1),
    ],
)
def test_parameters_out_of_range_are_refused(step: tuple, parameter: str, value: float) -> None:
    with pytest.raises(UsageError, match=f"{parameter}={value}"):
        XGBoostHead(**{parameter: value}).fit(*step)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.5])
def test_a_held_out_share_that_is_none_is_refused(step: tuple, fraction: float) -> None:
    with pytest.raises(UsageError, match="validation_fraction"):
        XGBoostHead(validation_fraction=fraction).fit(*step)


def test_without_early_stopping_all_rows_train_all_rounds(step: tuple) -> None:
    X, y = step
    head = XGBoostHead(max_rounds=30, early_stopping_rounds=None).fit(X, y)
    assert head.chosen_ == {"rounds": 30}
    assert head.booster_.num_boosted_rounds() == 30
    elsewhere = XGBoostHead(max_rounds=30, early_stopping_rounds=None).fit(X, y, validation=(X, -y))
    np.testing.assert_array_equal(elsewhere.predict(X), head.predict(X))


def test_without_early_stopping_no_row_is_held_out() -> None:
    X = np.arange(8.0)[:, None]
    head = XGBoostHead(max_rounds=300, early_stopping_rounds=None, subsample=1.0).fit(X, X[:, 0] % 3)
    np.testing.assert_allclose(head.predict(X), X[:, 0] % 3, atol=0.3)


def test_trees_grow_leaf_by_leaf_as_deep_as_they_need() -> None:
    X = np.arange(64.0)[:, None]
    y = np.where(X[:, 0] > 56, X[:, 0] ** 2, 0.0)  # worth splitting at one end only
    settings = {"max_rounds": 1, "early_stopping_rounds": None, "subsample": 1.0, "reg_lambda": 0.0}
    head = XGBoostHead(**settings, max_leaves=5, max_depth=0, learning_rate=1.0).fit(X, y)
    assert len(np.unique(head.predict(X))) == 5
    assert len(np.unique(head.predict(X[57:]))) == 4, "all splits but one are where the target differs"


def test_leaves_have_as_many_rows_as_asked_for() -> None:
    X = np.arange(40.0)[:, None]
    settings = {"max_rounds": 1, "early_stopping_rounds": None, "subsample": 1.0}
    head = XGBoostHead(**settings, min_child_weight=10).fit(X, X[:, 0])
    assert np.unique(head.predict(X), return_counts=True)[1].min() >= 10
