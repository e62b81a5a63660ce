"""Distances around a reference point before and after embedding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedreg.core.errors import DataError, UsageError
from embedreg.smoothness import distance_profile
from embedreg.text_embedder import TextEmbedder


def squash(points):
    return np.tanh(np.concatenate([points, points**2], axis=1))


@given(st.integers(1, 30), st.integers(0, 1000), st.floats(0.1, 50))
def test_points_are_in_their_balls(dof, seed, radius):
    center = np.random.default_rng(seed).normal(size=dof)
    found = distance_profile(squash, center, [radius, 2 * radius], samples=20, seed=seed)
    assert found.input_distances.shape == found.embedding_distances.shape == (2, 20)
    assert (found.input_distances <= found.radii[:, None] * (1 + 1e-9)).all()


def test_points_are_uniform_in_the_ball():
    found = distance_profile(squash, np.zeros(3), [2.0], samples=4000)
    inside = np.mean(found.input_distances < 1.0)
    assert inside == pytest.approx(1 / 8, abs=0.02)  # half the radius, an eighth of the volume


def test_distances_are_those_of_what_was_embedded():
    calls = []

    def embed(points):
        calls.append(points)
        return squash(points)

    found = distance_profile(embed, [1.0, -1.0], [3, 1], samples=5)
    (points,) = calls
    assert points[0].tolist() == [1.0, -1.0]
    assert found.radii.tolist() == [1.0, 3.0]
    vectors = squash(points)
    np.testing.assert_allclose(
        found.embedding_distances.ravel(), np.linalg.norm(vectors[1:] - vectors[0], axis=1)
    )
    np.testing.assert_allclose(found.input_distances.ravel(), np.linalg.norm(points[1:] - points[0], axis=1))


def test_quantiles_are_of_each_ball():
    found = distance_profile(squash, np.zeros(4), [1, 2, 3], samples=50)
    np.testing.assert_allclose(
        found.embedding_quantiles, np.quantile(found.embedding_distances, found.levels, axis=1).T
    )
    assert found.input_quantiles.shape == (3, len(found.levels))
    assert (np.diff(found.input_quantiles, axis=1) >= 0).all()
    assert found.levels[2] == 0.5


def test_the_seed_decides():
    a, b, c = (distance_profile(squash, np.zeros(4), [1.0], seed=s) for s in (0, 0, 1))
    assert np.array_equal(a.embedding_distances, b.embedding_distances)
    assert not np.array_equal(a.embedding_distances, c.embedding_distances)


def test_a_language_model_is_a_callable_like_any_other(tiny_bert):
    embedder = TextEmbedder(tiny_bert, cache=False).restore()

    def embed(points):
        return embedder.transform([{f"x{i}": x for i, x in enumerate(point)} for point in points])

    found = distance_profile(embed, np.zeros(5), [0.5, 4.0], samples=8)
    assert (found.embedding_distances > 0).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"center": []},
        {"center": [[1.0]]},
        {"center": [np.nan]},
        {"radii": []},
        {"radii": [0.0]},
        {"radii": [np.inf]},
        {"samples": 0},
    ],
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(UsageError):
        distance_profile(squash, **{"center": [0.0, 0.0], "radii": [1.0]} | wrong)


@pytest.mark.parametrize("bad", [lambda p: p[:-1], lambda p: p[:, 0], lambda p: p * np.nan])
def test_what_is_no_vector_a_point_is_refused(bad):
    with pytest.raises(DataError, match="one vector a point"):
        distance_profile(bad, [0.0, 0.0], [1.0], samples=3)
