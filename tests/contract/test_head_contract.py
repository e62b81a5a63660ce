"""What every head promises, checked for each entry of the registry."""

from __future__ import annotations

import inspect
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from embedreg.core.errors import SavedModelError, UsageError
from embedreg.core.protocols import SavedState
from embedreg.heads import HEADS, Head, Problem, fit_many, head_from_state, make_head

FAST = {
    "mlp": {
        "hidden": (32,),
        "learning_rates": (3e-3, 1e-2),
        "weight_decays": (0.0,),
        "max_epochs": 80,
        "batch_size": 64,
    },
    "xgboost": {"max_rounds": 300, "early_stopping_rounds": 20},
    "extra_trees": {"n_trees": 50},
}
LEARNING = [name for name in HEADS if name != "mean"]
TRANSFORMING = [name for name in HEADS if "target_transform" in HEADS[name]().get_params()]
WEIGHTED = [name for name in HEADS if "sample_weight" in inspect.signature(HEADS[name].fit).parameters]


def head_of(name: str, **settings: object) -> Head:
    return HEADS[name](**FAST.get(name, {}), **settings)


def linear_data(n: int = 120, d: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) * np.logspace(-2, 2, d) + 5
    z = (X - X.mean(axis=0)) / X.std(axis=0)
    return X, z @ np.arange(1.0, d + 1) + 0.1 * rng.normal(size=n)


def split(X: np.ndarray, y: np.ndarray, n: int = 20) -> tuple:
    return X[: -2 * n], y[: -2 * n], (X[-2 * n : -n], y[-2 * n : -n]), X[-n:], y[-n:]


@pytest.fixture(params=list(HEADS))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def test_clone_and_parameters_round_trip(name: str) -> None:
    head = head_of(name)
    copy = clone(head)
    assert copy.get_params() == head.get_params()
    assert copy.set_params(**head.get_params()) is copy
    assert not hasattr(clone(head.fit(*linear_data())), "chosen_")


def test_fitting_leaves_parameters_and_data_alone(name: str) -> None:
    X, y = linear_data()
    X_before, y_before = X.copy(), y.copy()
    head = head_of(name)
    before = head.get_params()
    assert head.fit(X, y) is head
    assert head.get_params() == before
    np.testing.assert_array_equal(X, X_before)
    np.testing.assert_array_equal(y, y_before)


def test_one_seed_gives_one_model(name: str) -> None:
    X, y = linear_data()
    first, second = (head_of(name).fit(X, y).predict(X) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_predictions_are_float64_of_one_dimension(name: str) -> None:
    X, y = linear_data()
    predicted = head_of(name).fit(X.astype(np.float32), y.astype(np.float32)).predict(X.astype(np.float32))
    assert predicted.dtype == np.float64
    assert predicted.shape == y.shape


def test_chosen_is_json(name: str) -> None:
    head = head_of(name).fit(*linear_data())
    assert json.loads(json.dumps(head.chosen_)) == head.chosen_
    assert head.n_features_in_ == 4


@pytest.mark.parametrize("transform", [None, "yeo-johnson"])
def test_saving_and_loading_changes_no_bit(name: str, transform: str | None) -> None:
    X, y = linear_data()
    head = head_of(name, **({"target_transform": transform} if name in TRANSFORMING else {})).fit(
        X, np.exp(y / 3)
    )
    files = head.state().to_files("head")
    loaded = head_from_state(SavedState.from_files("head", files))
    assert type(loaded) is type(head)
    np.testing.assert_array_equal(loaded.predict(X * 1.5), head.predict(X * 1.5))
    assert loaded.get_params() == head.get_params()
    assert loaded.chosen_ == head.chosen_
    assert loaded.state().to_files("head") == files


def test_loading_keeps_feature_names(name: str) -> None:
    X, y = linear_data()
    frame = pd.DataFrame(X, columns=list("abcd"))
    head = head_of(name).fit(frame, y)
    loaded = head_from_state(SavedState.from_files("h", head.state().to_files("h")))
    np.testing.assert_array_equal(loaded.predict(frame), head.predict(frame))
    with pytest.raises(ValueError, match="feature names"):
        loaded.predict(frame.rename(columns={"a": "z"}))


def test_saving_needs_fitting_and_loading_the_right_class(name: str) -> None:
    with pytest.raises(NotFittedError):
        head_of(name).state()
    other = next(n for n in HEADS if n != name)
    with pytest.raises(SavedModelError, match=other):
        HEADS[name].from_state(SavedState({"head": other}))


def test_predicting_needs_fitting(name: str) -> None:
    with pytest.raises(NotFittedError):
        head_of(name).predict(np.zeros((2, 4)))


@pytest.mark.parametrize(("scale", "shift"), [(1000.0, 0.0), (1.0, -1e4), (1e-6, 3.0)])
def test_predictions_follow_the_unit_of_the_target(name: str, scale: float, shift: float) -> None:
    X, y, validation, X_test, _ = split(*linear_data())
    plain = head_of(name).fit(X, y, validation=validation).predict(X_test)
    moved = head_of(name).fit(X, scale * y + shift, validation=(validation[0], scale * validation[1] + shift))
    np.testing.assert_allclose((moved.predict(X_test) - shift) / scale, plain, atol=2e-2 * y.std())


@pytest.mark.parametrize("name", [n for n in LEARNING if n != "xgboost"])
def test_predictions_do_not_depend_on_the_unit_of_the_inputs(name: str) -> None:
    X, y = linear_data()
    scaled = X * 2.0**7  # a power of two: no rounding, so that equality is exact
    np.testing.assert_array_equal(
        head_of(name).fit(scaled, y).predict(scaled), head_of(name).fit(X, y).predict(X)
    )


@pytest.mark.parametrize("name", LEARNING)
def test_learns_a_linear_function_better_than_the_mean(name: str) -> None:
    X, y, validation, X_test, y_test = split(*linear_data(n=240))
    assert head_of(name).fit(X, y, validation=validation).score(X_test, y_test) > 0.8


@pytest.mark.parametrize("name", LEARNING)
def test_learns_from_a_single_feature(name: str) -> None:
    X, y, validation, X_test, y_test = split(*linear_data(n=200, d=1))
    assert head_of(name).fit(X, y, validation=validation).score(X_test, y_test) > 0.8


@pytest.mark.parametrize("name", LEARNING)
def test_constant_features_change_nothing_and_unseen_values_in_them_are_ignored(name: str) -> None:
    X, y = linear_data()
    constant = np.hstack([X, np.full((len(X), 1), 0.1)])
    head = head_of(name).fit(constant, y)
    assert head.score(constant, y) > 0.8
    changed = constant.copy()
    changed[:, -1] = 1e6
    np.testing.assert_array_equal(head.predict(changed), head.predict(constant))


@pytest.mark.parametrize("name", LEARNING)
def test_rounding_noise_is_not_a_feature(name: str) -> None:
    X, y = linear_data()
    noise = 1e5 * (1 + np.finfo(np.float32).eps * np.random.default_rng(1).integers(-2, 3, size=(len(X), 1)))
    noisy = np.hstack([X, noise]).astype(np.float32)
    head = head_of(name).fit(noisy, y)
    quiet = noisy.copy()
    quiet[:, -1] = 1e5
    np.testing.assert_array_equal(head.predict(quiet), head.predict(noisy))


def test_only_constant_features_predict_the_mean(name: str) -> None:
    y = np.arange(30.0)
    predicted = head_of(name).fit(np.ones((30, 3)), y).predict(np.ones((4, 3)))
    np.testing.assert_allclose(predicted, y.mean(), atol=0.5 * y.std())
    assert np.ptp(predicted) == 0


@pytest.mark.parametrize("value", [0.0, 1e9, -0.1])
def test_a_constant_target_is_predicted(name: str, value: float) -> None:
    X, _ = linear_data()
    predicted = head_of(name).fit(X, np.full(len(X), value)).predict(X)
    np.testing.assert_allclose(predicted, value, atol=0.5)


def test_duplicated_rows_are_no_trouble(name: str) -> None:
    X, y = linear_data(n=12)
    predicted = head_of(name).fit(np.repeat(X, 9, axis=0), np.repeat(y, 9)).predict(X)
    assert np.isfinite(predicted).all()


@pytest.mark.parametrize("n", [2, 3, 4, 5, 8])
def test_few_rows_are_enough(name: str, n: int) -> None:
    X, y = linear_data(n=n)
    assert np.isfinite(head_of(name).fit(X, y).predict(X)).all()


def test_more_columns_than_rows(name: str) -> None:
    X, y = linear_data(n=20, d=50)
    assert np.isfinite(head_of(name).fit(X, y).predict(X)).all()


def test_validation_rows_are_not_trained_on(name: str) -> None:
    """Validation targets that contradict the training targets must not be learnt."""
    X, y, _, X_test, _ = split(*linear_data())
    lying = (X_test, -1000 * np.sign(X_test[:, -1]))
    predicted = head_of(name).fit(X, y, validation=lying).predict(X_test)
    assert np.abs(predicted).max() < 10 * np.abs(y).max()


@pytest.mark.parametrize("name", ["mlp", "xgboost"])
def test_validation_rows_decide_when_to_stop(name: str) -> None:
    X, y, validation, *_ = split(*linear_data())
    helpful = head_of(name).fit(X, y, validation=validation)
    contrary = head_of(name).fit(X, y, validation=(validation[0], -validation[1]))
    length = {"mlp": "epoch", "xgboost": "rounds"}[name]
    assert contrary.chosen_[length] < helpful.chosen_[length]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(name: str, bad: float) -> None:
    X, y = linear_data(n=20)
    broken = X.copy()
    broken[3, 1] = bad
    wrong = np.where(np.arange(20) == 3, bad, y)
    for arguments in [(broken, y), (X, wrong)]:
        with pytest.raises(ValueError, match="NaN|infinity"):
            head_of(name).fit(*arguments)
        with pytest.raises(ValueError, match="NaN|infinity"):
            head_of(name).fit(X, y, validation=arguments)
    with pytest.raises(ValueError, match="NaN|infinity"):
        head_of(name).fit(X, y).predict(broken)


def test_wrong_shapes_are_refused(name: str) -> None:
    X, y = linear_data(n=20)
    head = head_of(name).fit(X, y)
    with pytest.raises(ValueError, match="3 features"):
        head.predict(X[:, :3])
    with pytest.raises(ValueError, match="3 features"):
        head_of(name).fit(X, y, validation=(X[:, :3], y))
    with pytest.raises(ValueError, match="inconsistent"):
        head_of(name).fit(X, y, validation=(X, y[:5]))
    with pytest.raises(ValueError, match="inconsistent"):
        head_of(name).fit(X, y[:5])


@pytest.mark.parametrize("name", TRANSFORMING)
@pytest.mark.parametrize("transform", ["yeo-johnson", "auto"])
def test_a_transformed_target_stays_finite_and_in_reach(name: str, transform: str) -> None:
    X, y = linear_data()
    heavy = np.sinh(3 * y)
    head = head_of(name, target_transform=transform).fit(X, heavy)
    predicted = head.predict((X - 5) * 1e4)
    assert np.isfinite(predicted).all()
    assert predicted.max() <= heavy.max() + np.ptp(heavy)
    assert predicted.min() >= heavy.min() - np.ptp(heavy)


@pytest.mark.parametrize("name", TRANSFORMING)
def test_an_unknown_transform_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="target_transform='log'"):
        head_of(name, target_transform="log").fit(*linear_data())
    with pytest.raises(UsageError, match="target_transform='log'"):
        head_of(name, target_transform="log").check_parameters()


@pytest.mark.parametrize("name", WEIGHTED)
def test_rows_of_weight_zero_do_not_count(name: str) -> None:
    X, y, validation, X_test, _ = split(*linear_data())
    weight = np.where(np.arange(len(y)) % 3 == 0, 0.0, 1.0)
    spoilt = np.where(weight == 0, 1e6, y)
    weighted = head_of(name).fit(X, spoilt, weight, validation=validation).predict(X_test)
    left_out = head_of(name).fit(X[weight > 0], y[weight > 0], validation=validation).predict(X_test)
    np.testing.assert_allclose(weighted, left_out, rtol=1e-9)


@pytest.mark.parametrize("name", WEIGHTED)
@pytest.mark.parametrize("weight", [[-1.0, 2.0, 1.0, 1.0], [0.0, 0.0, 0.0, 1.0], [1.0, 1.0]])
def test_weights_that_cannot_be_used_are_refused(name: str, weight: list[float]) -> None:
    X, y = linear_data(n=4)
    with pytest.raises(ValueError, match="weight"):
        head_of(name).fit(X, y, weight)


def test_fitting_many_equals_fitting_each(name: str) -> None:
    problems = []
    for seed in range(3):
        X, y, validation, *_ = split(*linear_data(n=100 + seed, seed=seed))
        problems.append(Problem(X, y, validation if seed else None, random_state=seed))
    head = head_of(name)
    together = fit_many(head, problems)
    assert not hasattr(head, "chosen_")
    for fitted, p in zip(together, problems, strict=True):
        seeded = {"random_state": p.random_state} if "random_state" in head.get_params() else {}
        alone = clone(head).set_params(**seeded).fit(p.X, p.y, validation=p.validation)
        np.testing.assert_allclose(fitted.predict(p.X), alone.predict(p.X), rtol=1e-4, atol=1e-4)
        assert fitted.get_params() == alone.get_params()


@pytest.mark.parametrize("name", list(HEADS))
def test_fitting_many_weighs_rows_or_refuses_to(name: str) -> None:
    X, y = linear_data(n=60)
    weight = np.linspace(0.1, 2.0, 60)
    problem = Problem(X, y, weight=weight)
    if name not in WEIGHTED:
        with pytest.raises(UsageError, match="weights"):
            fit_many(head_of(name), [problem])
        return
    together = fit_many(head_of(name), [problem])[0]
    np.testing.assert_allclose(together.predict(X), head_of(name).fit(X, y, weight).predict(X), rtol=1e-9)


def test_fitting_no_problem_gives_no_head(name: str) -> None:
    assert fit_many(head_of(name), []) == []


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**31 - 1))
def test_a_head_made_by_name_takes_what_it_knows(seed: int) -> None:
    for name in HEADS:
        params = make_head(name, random_state=seed, target_transform="auto").get_params()
        assert params.get("random_state", seed) == seed
        assert params.get("target_transform", "auto") == "auto"


def test_a_head_made_from_a_head_is_a_copy_with_its_own_settings(name: str) -> None:
    head = head_of(name).fit(*linear_data())
    made = make_head(head, random_state=7)
    assert made is not head
    assert made.get_params() == head.get_params()
    assert not hasattr(made, "chosen_")
    with pytest.raises(UsageError, match="target_transform='auto' beside"):
        make_head(head, target_transform="auto")


@pytest.mark.parametrize("head", [HEADS["xgboost"](learning_rate="a"), HEADS["mlp"](max_epochs="2")])
def test_parameters_of_another_kind_are_refused(head: Head) -> None:
    with pytest.raises(UsageError, match=f"a parameter of {type(head).__name__} of another kind"):
        head.fit(np.eye(4), np.arange(4.0))


def test_problems_that_are_none_are_refused() -> None:
    with pytest.raises(UsageError, match=r"a tuple as problem 0.*Problem\(X, y\)"):
        fit_many(make_head("ridge"), [(np.eye(4), np.arange(4.0))])
