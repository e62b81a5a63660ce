from __future__ import annotations

import numpy as np
import pytest

from embedreg import EmbeddingRegressor
from embedreg.core.errors import EmbedregWarning
from embedreg.core.repeats import field_of_repeats


def measured(numbers, noise=0.02, repeats=3):
    """Twenty configurations, each measured so often, with what tells the measurements apart under the names given."""
    rng = np.random.default_rng(0)
    rates = np.repeat(rng.uniform(size=20), repeats)
    y = rates**2 + noise * rng.normal(size=len(rates))
    return [
        {"rate": float(rate), "depth": int(rate * 9)} | {name: number(i) for name, number in numbers.items()}
        for i, rate in enumerate(rates)
    ], y


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("seed", lambda i: i % 3),
        ("trialId", lambda i: i),
        ("random_seed", lambda i: f"s{i % 3}"),
        ("name", lambda i: f"run-{i:04d}"),  # no two are alike
    ],
)
def test_what_only_tells_repeats_apart_is_found(name, number):
    records, y = measured({name: number})
    assert field_of_repeats(records, y) == (name, 20)
    assert field_of_repeats(records, np.column_stack([y, -y])) == (name, 20)


@pytest.mark.parametrize(
    ("numbers", "noise"),
    [
        ({}, 0.02),
        ({"workers": lambda i: i % 3}, 0.02),  # a knob without effect on a full grid
        ({"seed": lambda i: i % 3}, 5.0),  # their targets do not agree
        ({"momentum": lambda i: i / 7}, 0.02),  # a knob that is never the same
    ],
)
def test_what_may_be_a_knob_is_not(numbers, noise):
    assert field_of_repeats(*measured(numbers, noise)) is None


def test_a_seed_that_matters_is_a_knob():
    records, y = measured({"seed": lambda i: i % 3})
    assert field_of_repeats(records, y + 3 * (np.arange(len(y)) % 3)) is None


def test_texts_and_lone_fields_are_passed_over():
    assert field_of_repeats(["a", "b"], np.arange(2.0)) is None
    assert field_of_repeats([{"seed": i % 3} for i in range(60)], np.arange(60.0)) is None
    assert field_of_repeats([], np.empty(0)) is None


@pytest.mark.parametrize("parameters", [{"effort": "fast"}, {"head": "ridge"}])
def test_fit_says_so(parameters):
    records, y = measured({"seed": lambda i: i % 3})
    with pytest.warns(EmbedregWarning, match="without the field 'seed' the 60 records are 20 different ones"):
        EmbeddingRegressor(representation="tabular", **parameters).fit(records, y)
