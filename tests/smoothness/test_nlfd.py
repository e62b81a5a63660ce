"""Lipschitz factors by definition, their invariances, and the cases the definition leaves open."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from embedreg.core.errors import DataError, UsageError
from embedreg.smoothness import (
    NLFD,
    SCALINGS,
    _gpu_neighbours,
    _neighbours,
    lipschitz_factors,
    nlfd,
    smoothness_gap,
)
from embedreg.smoothness._vectors import standardised

grid = st.integers(-3, 3).map(float)  # few values: ties, repeated rows and constant columns are common


@st.composite
def data(draw, elements=grid):
    n, d = draw(st.integers(2, 20)), draw(st.integers(1, 4))
    return draw(arrays(float, (n, d), elements=elements)), draw(arrays(float, n, elements=grid))


def by_definition(embeddings, y, scaling="invariant"):
    """One record at a time, in plain loops."""
    embeddings, y = np.asarray(embeddings, float), np.asarray(y, float)
    varies = np.ptp(embeddings, axis=0) > 0
    points = (embeddings[:, varies] - embeddings[:, varies].mean(0)) / embeddings[:, varies].std(0)
    scale = math.sqrt(varies.sum()) if scaling == "invariant" else 1 / math.sqrt(embeddings.shape[1])
    factors = []
    for i in range(len(y)):
        distance = np.linalg.norm(points - points[i], axis=1)
        elsewhere = distance > 1e-9
        if not elsewhere.any():
            factors.append(np.nan)
            continue
        nearest = distance[elsewhere].min()
        tied = np.isclose(distance, nearest, rtol=1e-8)
        factors.append(np.abs(y[tied] - y[i]).mean() / nearest * scale)
    return np.array(factors)


@given(data(), st.sampled_from(SCALINGS))
def test_by_definition_with_ties_and_repeats(sample, scaling):
    found = lipschitz_factors(*sample, scaling=scaling)
    np.testing.assert_allclose(found, by_definition(*sample, scaling), rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(300, 2), (200, 50), (50, 400)])
def test_by_definition_without_ties(shape, dtype):
    rng = np.random.default_rng(0)
    embeddings, y = rng.normal(size=shape).astype(dtype), rng.normal(size=shape[0])
    np.testing.assert_allclose(lipschitz_factors(embeddings, y), by_definition(embeddings, y), rtol=1e-8)


def test_blocks_do_not_matter(monkeypatch):
    rng = np.random.default_rng(0)
    embeddings, y = rng.integers(4, size=(60, 3)), rng.normal(size=60)
    whole = lipschitz_factors(embeddings, y)
    monkeypatch.setattr(_neighbours, "_BLOCK_ENTRIES", 150)
    np.testing.assert_allclose(lipschitz_factors(embeddings, y), whole, rtol=1e-12)


def test_by_hand():
    factors = lipschitz_factors([[0.0], [1.0], [3.0]], [0.0, 2.0, 3.0])
    deviation = math.sqrt(14 / 9)
    assert factors == pytest.approx([2 * deviation, 2 * deviation, deviation / 2])


@given(data(), st.integers(2, 5))
def test_repeating_every_coordinate_changes_nothing(sample, times):
    embeddings, y = sample
    found, repeated = (
        lipschitz_factors(embeddings, y),
        lipschitz_factors(np.repeat(embeddings, times, axis=1), y),
    )
    np.testing.assert_allclose(repeated, found, rtol=1e-9)


def test_the_literal_scaling_is_not_invariant():
    rng = np.random.default_rng(0)
    embeddings, y = rng.normal(size=(50, 4)), rng.normal(size=50)
    once, four_times = (lipschitz_factors(np.tile(embeddings, k), y, scaling="paper") for k in (1, 4))
    np.testing.assert_allclose(four_times, once / 4)
    np.testing.assert_allclose(lipschitz_factors(embeddings, y) / 4, once)


@given(data())
def test_repeating_every_record_changes_nothing(sample):
    embeddings, y = sample
    twice = lipschitz_factors(np.tile(embeddings, (2, 1)), np.tile(y, 2))
    np.testing.assert_allclose(twice, np.tile(lipschitz_factors(embeddings, y), 2), rtol=1e-9, atol=1e-12)


@given(data(), st.integers(0, 2**32 - 1))
def test_permuting_records_permutes_factors(sample, seed):
    embeddings, y = sample
    order = np.random.default_rng(seed).permutation(len(y))
    np.testing.assert_allclose(
        lipschitz_factors(embeddings[order], y[order]),
        lipschitz_factors(embeddings, y)[order],
        rtol=1e-9,
        atol=1e-12,
    )


@given(data(), st.floats(-100, 100))
def test_factors_are_proportional_to_y(sample, times):
    embeddings, y = sample
    np.testing.assert_allclose(
        lipschitz_factors(embeddings, times * y + 7.0),
        abs(times) * lipschitz_factors(embeddings, y),
        rtol=1e-9,
        atol=1e-9,
    )


@given(data(), arrays(float, 4, elements=st.floats(-50, 50)), arrays(float, 4, elements=st.floats(0.1, 10)))
def test_place_and_unit_of_a_coordinate_do_not_matter(sample, shift, unit):
    embeddings, y = sample
    d = embeddings.shape[1]
    moved = lipschitz_factors(unit[:d] * embeddings + shift[:d], y)
    np.testing.assert_allclose(moved, lipschitz_factors(embeddings, y), rtol=1e-7, atol=1e-9)


@given(data(), st.floats(-1e6, 1e6))
def test_a_constant_coordinate_changes_nothing(sample, constant):
    embeddings, y = sample
    wider = np.column_stack([embeddings, np.full(len(y), constant)])
    np.testing.assert_allclose(lipschitz_factors(wider, y), lipschitz_factors(embeddings, y), rtol=1e-12)


def test_a_coordinate_that_varies_by_rounding_is_constant():
    rng = np.random.default_rng(0)
    embeddings, y = rng.normal(size=(40, 3)), rng.normal(size=40)
    almost = 0.1 * 3 + np.where(np.arange(40) % 2, 0.0, 5e-17)
    assert np.ptp(almost) > 0
    wider = np.column_stack([embeddings, almost])
    np.testing.assert_allclose(lipschitz_factors(wider, y), lipschitz_factors(embeddings, y), rtol=1e-12)


@given(data(elements=st.floats(allow_nan=False, allow_infinity=False, min_value=-1e150, max_value=1e150)))
def test_any_magnitudes_will_do(sample):
    embeddings, y = sample
    factors = lipschitz_factors(embeddings, y)
    assert factors.shape == y.shape
    assert np.isfinite(factors).all() or np.isnan(factors).all()
    assert not (factors < 0).any()


def test_equal_vectors_take_the_nearest_neighbour_elsewhere():
    found = nlfd([[0.0], [0.0], [1.0], [5.0]], [0.0, 4.0, 1.0, 2.0])
    deviation = np.std([0.0, 0.0, 1.0, 5.0])
    # the third record has two neighbours at 0, whose targets differ from its own by 1 and 3
    assert found.factors == pytest.approx([1 * deviation, 3 * deviation, 2 * deviation, deviation / 4])
    assert (found.without_factor, found.repeated) == (0, 2)


def test_negative_zero_is_zero():
    found = nlfd([[0.0, 1.0], [-0.0, 1.0], [0.0, -1.0], [-0.0, -1.0]], [0.0, 1.0, 2.0, 3.0])
    assert found.repeated == 4


@given(data())
def test_points_that_are_unequal_but_sum_alike_are_told_apart(sample):
    points, _ = sample
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_neighbours, "location_sums", lambda points: np.zeros(len(points), dtype=np.uint64))
        told_apart = _neighbours.location_numbers(points)
    assert (told_apart == _neighbours.location_numbers(points)).all()
    same = (points[:, None] == points).all(axis=-1)
    assert ((told_apart[:, None] == told_apart) == same).all()


def test_sums_of_many_different_points_differ():
    points = np.random.default_rng(0).integers(0, 10, size=(20_000, 8)).astype(float)
    points = np.unique(points, axis=0)
    assert len(np.unique(_neighbours.location_sums(points))) == len(points)


@pytest.mark.parametrize("columns", [1, 2, 32, 33, 65])
def test_coordinates_are_standardised_alike_however_many_there_are(columns):
    vectors = np.random.default_rng(0).normal(size=(50, columns)).astype(np.float32)
    expected = vectors.astype(float) - vectors.astype(float).mean(axis=0)
    expected /= expected.std(axis=0)
    np.testing.assert_allclose(standardised(vectors), expected, rtol=1e-12, atol=1e-15)


def test_all_vectors_equal():
    found = nlfd(np.ones((5, 3)), np.arange(5.0))
    assert np.isnan(found.factors).all()
    assert math.isnan(found.mean)
    assert math.isnan(found.deviation)
    assert (found.without_factor, found.repeated) == (5, 5)


def test_near_duplicates_keep_their_precision():
    """Where the matrix product alone would lose every digit."""
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(100, 200))
    twins = embeddings + 1e-9 * rng.normal(size=embeddings.shape)
    both, y = np.concatenate([embeddings, twins]), rng.normal(size=200)
    np.testing.assert_allclose(lipschitz_factors(both, y), by_direct_differences(both, y), rtol=1e-5)


def by_direct_differences(embeddings, y):
    deviation = embeddings.std(axis=0)
    factors = []
    for i in range(len(y)):
        distance = np.linalg.norm((embeddings - embeddings[i]) / deviation, axis=1)
        distance[i] = np.inf
        nearest = distance.argmin()
        factors.append(abs(y[i] - y[nearest]) / distance[nearest] * math.sqrt(embeddings.shape[1]))
    return np.array(factors)


@pytest.mark.parametrize("distance", [1e-3, 1e-5, 1e-7])
def test_crowds_are_told_apart(distance):
    """Points of a crowd are nearer to each other than the quick product in float32 can tell."""
    rng = np.random.default_rng(0)
    centers = np.repeat(rng.normal(size=(6, 20)), 30, axis=0)
    crowds, y = centers + distance * rng.normal(size=centers.shape), rng.normal(size=180)
    np.testing.assert_allclose(lipschitz_factors(crowds, y), by_direct_differences(crowds, y), rtol=1e-5)


@pytest.mark.parametrize("few", [0, 10**9])
def test_the_quick_way_and_the_slow_way_agree(monkeypatch, few):
    rng = np.random.default_rng(0)
    embeddings, y = rng.normal(size=(300, 70)), rng.normal(size=300)
    embeddings[::7] = embeddings[3]
    either = lipschitz_factors(embeddings, y)
    monkeypatch.setattr(_neighbours, "_FEW", few)
    np.testing.assert_allclose(lipschitz_factors(embeddings, y), either, rtol=1e-12)


def test_all_equidistant_points_are_all_neighbours():
    y = np.arange(30.0)
    factors = lipschitz_factors(np.eye(30), y)
    expected = [np.abs(np.delete(y, i) - y[i]).mean() for i in range(30)]
    np.testing.assert_allclose(factors / factors[0], np.array(expected) / expected[0])


def test_a_distribution_is_summed_up():
    rng = np.random.default_rng(0)
    found = nlfd(rng.normal(size=(30, 2)), rng.normal(size=30), scaling="paper")
    assert found.mean == pytest.approx(found.factors.mean())
    assert found.deviation == pytest.approx(found.factors.std())
    assert (found.without_factor, found.repeated, found.scaling) == (0, 0, "paper")


def test_memory_grows_with_the_data_alone():
    rng = np.random.default_rng(0)
    embeddings, y = rng.normal(size=(6000, 8)), rng.normal(size=6000)
    tracemalloc.start()
    lipschitz_factors(embeddings, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (
        peak < 6000 * 6000 * 8 * 0.75
    )  # one block of distances and a few of its size in bits, not all of them


def distribution(mean, deviation, scaling="invariant"):
    return NLFD(np.full(3, mean), mean, deviation, 0, 0, scaling)


def test_the_gap_by_hand():
    assert smoothness_gap(distribution(5.0, 3.0), distribution(1.0, 4.0)) == pytest.approx(0.8)


@given(data(), data(), st.floats(0.01, 100))
def test_the_gap_has_no_unit_and_is_antisymmetric(one, other, times):
    y = one[1][: len(other[1])]
    n = len(y)
    a, b = (nlfd(e[:n], y[:n]) for e in (one[0], np.resize(other[0], (n, 2))))
    assume(not math.isnan(a.mean) and not math.isnan(b.mean) and math.hypot(a.deviation, b.deviation) > 1e-6)
    gap = smoothness_gap(a, b)
    assert smoothness_gap(b, a) == -gap
    rescaled = smoothness_gap(nlfd(one[0][:n], times * y), nlfd(np.resize(other[0], (n, 2)), times * y))
    assert rescaled == pytest.approx(gap, abs=1e-6)


def test_the_smoother_side_is_the_one_in_order_of_y():
    rng = np.random.default_rng(0)
    y = rng.normal(size=100)
    ordered, shuffled = nlfd(y[:, None], y), nlfd(rng.permutation(y)[:, None], y)
    assert smoothness_gap(shuffled, ordered) > 0


def test_gaps_without_spread():
    assert smoothness_gap(distribution(1.0, 0.0), distribution(1.0, 0.0)) == 0.0
    assert smoothness_gap(distribution(2.0, 0.0), distribution(1.0, 0.0)) == math.inf
    assert smoothness_gap(distribution(1.0, 0.0), distribution(2.0, 0.0)) == -math.inf


def test_a_gap_without_factors_is_nan():
    empty = nlfd(np.ones((3, 1)), np.arange(3.0))
    assert math.isnan(smoothness_gap(empty, distribution(1.0, 1.0)))
    assert math.isnan(smoothness_gap(empty, distribution(1.0, 0.0)))


def test_scalings_do_not_mix():
    with pytest.raises(UsageError, match="the same scaling"):
        smoothness_gap(distribution(1.0, 1.0), distribution(1.0, 1.0, "paper"))


def test_other_records_do_not_mix():
    x = np.random.default_rng(0).normal(size=(40, 3))
    with pytest.raises(UsageError, match="factors of 40 and of 30 records"):
        smoothness_gap(nlfd(x, x[:, 0]), nlfd(x[:30], x[:30, 0]))


def test_an_unknown_scaling_is_refused():
    with pytest.raises(UsageError, match="did you mean 'paper'"):
        nlfd(np.ones((3, 1)), np.arange(3.0), scaling="papers")


@pytest.mark.parametrize(
    ("embeddings", "y"),
    [
        (np.ones((3, 2)), np.ones(4)),
        (np.ones(3), np.ones(3)),
        (np.ones((3, 2)), np.ones((3, 1))),
        (np.ones((1, 2)), np.ones(1)),
        (np.ones((3, 0)), np.ones(3)),
    ],
)
def test_wrong_shapes_are_refused(embeddings, y):
    with pytest.raises(DataError, match=r"shape \(n, d\)"):
        lipschitz_factors(embeddings, y)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(bad):
    with pytest.raises(DataError, match="embeddings with 1 value"):
        lipschitz_factors([[1.0], [bad]], [1.0, 2.0])
    with pytest.raises(DataError, match="y with 1 value"):
        lipschitz_factors([[1.0], [2.0]], [1.0, bad])


@pytest.mark.parametrize("copies", [1, 2])
@pytest.mark.parametrize("changed", [lambda v: v, np.round, lambda v: v * 1e-8 + 1e3])
def test_products_of_torch_give_the_same_factors(copies, changed, monkeypatch):
    rng = np.random.default_rng(0)
    vectors, y = np.repeat(changed(rng.normal(size=(90, 6))), copies, axis=0), rng.normal(size=90 * copies)
    expected = lipschitz_factors(vectors, y)
    used = []
    real = _neighbours.linear_map
    monkeypatch.setattr(_neighbours, "linear_map", lambda *given: used.append(True) or real(*given))
    monkeypatch.setattr(_neighbours, "_WORTH_TORCH", 0)

    np.testing.assert_allclose(lipschitz_factors(vectors, y), expected, rtol=1e-12)
    assert used


def of_a_forked_process(patch):
    patch.setattr(_neighbours, "_PROCESS", -1)


def rounding_as_its_user_said(patch):
    patch.setattr(torch, "get_float32_matmul_precision", lambda: "medium")


def rounding_as_the_environment_says(patch):
    patch.setenv("ONEDNN_DEFAULT_FPMATH_MODE", "BF16")


@pytest.mark.parametrize(
    "when", [of_a_forked_process, rounding_as_its_user_said, rounding_as_the_environment_says]
)
def test_products_are_not_of_a_torch_that_hangs_or_rounds_more(when, monkeypatch):
    monkeypatch.setattr(_neighbours, "_WORTH_TORCH", 0)
    monkeypatch.setattr(_neighbours, "linear_map", lambda *_: pytest.fail("it is torch's"))
    when(monkeypatch)
    assert np.isfinite(lipschitz_factors(np.arange(6.0)[:, None], np.arange(6.0))).all()


def test_values_whose_sums_overflow_are_refused():
    with pytest.raises(DataError, match="at most 1e\\+290"):
        nlfd(np.array([[1.0], [1e300], [2.0]]), np.arange(3.0))


@pytest.mark.parametrize(("dtype", "large"), [(np.float16, 6e4), (np.float32, 3e38)])
def test_values_as_large_as_their_precision_has(dtype, large):
    vectors = np.array([[large], [-large], [0.0], [large / 2]], dtype=dtype)
    assert np.isfinite(lipschitz_factors(vectors, np.arange(4.0))).all()


def near_the_mean_of_large_numbers(vectors):
    return vectors * 1e-8 + 1e3


def with_a_constant_coordinate(vectors):
    return np.insert(vectors, 3, 7.0, axis=1)


def that_may_not_be_written(vectors):
    vectors = vectors.copy()
    vectors.flags.writeable = False
    return vectors


class TestGpuPoints:
    """What a GPU does, done by torch on the processor."""

    @pytest.fixture(autouse=True)
    def _processor_as_gpu(self, monkeypatch):
        monkeypatch.setattr("embedreg.smoothness._nlfd._gpu", torch.device)
        monkeypatch.setattr("embedreg.smoothness._gpu_neighbours._BLOCK_ENTRIES", 1000)  # several blocks

    @pytest.mark.parametrize("copies", [1, 2])
    def test_the_same_factors_with_ties_and_equal_points(self, copies, monkeypatch):
        rng = np.random.default_rng(1)
        points = np.repeat(rng.normal(size=(150, 20)), copies, axis=0)
        points[:40] = np.round(points[:40])
        points[50:60] = points[60:70] + 1e-9  # nearly equal, far from the mean in their differences
        y = rng.normal(size=len(points))

        found = nlfd(points, y, device="cpu")

        monkeypatch.undo()
        expected = nlfd(points, y)
        rounding = np.full(len(points), 1e-12)
        rounding[50:70] = 1e-6  # coordinates differ by some 1e-9, and are rounded to 1e-16
        errors = np.abs(found.factors / expected.factors - 1)
        assert (errors < rounding).all()
        assert found.repeated == expected.repeated

    @pytest.mark.parametrize("dtype", [np.float16, np.float32, ">f8", np.longdouble])
    def test_numbers_of_any_precision(self, dtype, monkeypatch):
        self._compare(np.random.default_rng(0).normal(size=(60, 5)).astype(dtype), monkeypatch)

    @pytest.mark.parametrize(
        "changed",
        [
            np.ones_like,
            np.round,
            near_the_mean_of_large_numbers,
            with_a_constant_coordinate,
            that_may_not_be_written,
        ],
    )
    def test_vectors_that_are_hard(self, changed, monkeypatch):
        self._compare(changed(np.random.default_rng(0).normal(size=(60, 5))), monkeypatch)

    def test_sums_of_coordinates_are_those_of_a_processor(self):
        points = np.random.default_rng(0).normal(size=(60, 5))
        there = _gpu_neighbours._sums(torch.from_numpy(points))
        assert (there == _neighbours.location_sums(points)).all()

    def test_no_room(self, monkeypatch):
        def fail(*_):
            raise torch.OutOfMemoryError

        for place, name in ((_gpu_neighbours, "_standardise"), (_gpu_neighbours.GpuPoints, "_nearest")):
            with monkeypatch.context() as patch, pytest.raises(UsageError, match="60 vectors of 5 numbers"):
                patch.setattr(place, name, fail)
                nlfd(np.random.default_rng(0).normal(size=(60, 5)), np.arange(60.0), device="cpu")

    def _compare(self, vectors, monkeypatch):
        y = np.random.default_rng(1).normal(size=len(vectors))
        found = nlfd(vectors, y, device="cpu")
        monkeypatch.undo()
        expected = nlfd(vectors, y)
        np.testing.assert_allclose(found.factors, expected.factors, rtol=1e-9)
        assert (found.repeated, found.without_factor) == (expected.repeated, expected.without_factor)


def test_devices_for_neighbours():
    line = np.arange(6.0)[:, None]
    assert nlfd(line, line[:, 0], device="auto").mean == nlfd(line, line[:, 0]).mean
    with pytest.raises(UsageError, match="nosuch"):
        nlfd(line, line[:, 0], device="nosuch")
