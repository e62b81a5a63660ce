"""Arguments that cannot be meant are refused, and numpy's numbers are numbers."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path, PurePath

import numpy as np
import pandas as pd
import pytest

from embedreg.core import arguments
from embedreg.core.errors import UsageError


class Embedder:
    name = "none"

    @property
    def dimension(self) -> int:
        raise AssertionError("a service was asked")

    def fingerprint(self):
        return {}

    def embed_batches(self, texts):
        yield from ()


def named(value: object) -> str:
    """Return a test's name, the same in each process."""
    return re.sub(r" at 0x\w+", "", repr(value))


@pytest.mark.parametrize(
    "value", [1, 0.5, -1e300, np.int64(1), np.float32(0.5), np.array(0.5), Fraction(1, 2)], ids=repr
)
def test_what_is_a_number(value):
    assert arguments.is_number(value)


@pytest.mark.parametrize(
    "value",
    ["1", None, True, np.True_, [1], np.array([1.0]), 1j, np.nan, np.inf, 10**400, np.timedelta64(1)],
    ids=repr,
)
def test_what_is_no_number(value):
    assert not arguments.is_number(value)


@pytest.mark.parametrize(
    "levels",
    [0.5, [0.5], (0.5,), np.float32(0.5), np.array([0.5]), pd.Series([0.5]), [np.float64(0.5)]],
    ids=repr,
)
def test_levels(levels):
    np.testing.assert_array_equal(arguments.check_levels(levels), [0.5])


@pytest.mark.parametrize(
    "levels",
    ["0.5", ["x"], ["0.5"], None, [None], [], 0, 1, True, [0.1, 1.0], [np.nan], [[0.1, 0.2]], [0.1, [0.2]], {0.1}, [0.1j],
     [10**400]],
    ids=repr,
)  # fmt: skip
def test_what_is_no_level(levels):
    with pytest.raises(UsageError, match="quantiles=.*between 0 and 1"):
        arguments.check_levels(levels)


@pytest.mark.parametrize("coverage", [0.9, np.float64(0.9), np.array(0.9), Fraction(9, 10)], ids=repr)
def test_coverage(coverage):
    assert arguments.check_coverage(coverage) == 0.9


@pytest.mark.parametrize(
    "coverage", ["0.9", None, [0.8, 0.9], np.array([0.9]), 0, 1, True, np.nan, 90, 1j], ids=repr
)
def test_what_is_no_coverage(coverage):
    with pytest.raises(UsageError, match="coverage=.*between 0 and 1"):
        arguments.check_coverage(coverage)


@pytest.mark.parametrize("seed", [0, 2**32 - 1, np.int64(3), np.uint8(3)], ids=repr)
def test_seeds(seed):
    arguments.check_seed(seed)


@pytest.mark.parametrize(
    "seed",
    [
        -1,
        2**32,
        1.5,
        2.0,
        "3",
        None,
        True,
        np.True_,
        np.timedelta64(3),
        np.random.RandomState(0),
        np.random.default_rng(0),
    ],
    ids=named,
)
def test_what_is_no_seed(seed):
    with pytest.raises(UsageError, match="random_state=.*an integer"):
        arguments.check_seed(seed)


@pytest.mark.parametrize("model", ["minilm", Path(), PurePath(), Embedder()], ids=named)
def test_models(model):
    arguments.check_model(model)


@pytest.mark.parametrize("model", [None, 3, "", b"minilm", ["minilm"], Embedder, object(), True], ids=named)
def test_what_is_no_model(model):
    with pytest.raises(UsageError, match="model=.*a name, a path or an embedder"):
        arguments.check_model(model)


@pytest.mark.parametrize("cache", [True, False, "here", Path("here")], ids=repr)
def test_caches(cache):
    arguments.check_cache(cache)


@pytest.mark.parametrize("cache", [None, 3, 1, 0, "", b"here", ["here"]], ids=repr)
def test_what_is_no_cache(cache):
    with pytest.raises(UsageError, match="cache=.*the path of a directory"):
        arguments.check_cache(cache)


@pytest.mark.parametrize("path", [None, 3, "", b"here"], ids=repr)
def test_what_is_no_path(path):
    with pytest.raises(UsageError, match="path="):
        arguments.check_path(path)
    assert arguments.check_path("here") == Path("here")


@pytest.mark.parametrize("extra", [None, {}, {"a": [1, {"b": None}], "c": (1.5, "x", True)}], ids=repr)
def test_extra(extra):
    assert arguments.check_extra(extra) == (extra or {})


CIRCLE: list[object] = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({"a": float("nan")}, r"extra\['a'\] .*finite numbers"),
        ({"kept": 1, "a": object()}, r"extra\['a'\] .*object"),
        ({"a": np.int64(3)}, "int64.*tolist"),
        ({"a": {1, 2}}, "set"),
        ({"a": CIRCLE}, "Circular"),
        ({1: 2}, "extra="),
        ([1], "extra="),
        ("a", "extra="),
        (3, "extra="),
    ],
)
def test_what_json_does_not_have(extra, said):
    with pytest.raises(UsageError, match=said):
        arguments.check_extra(extra)
