"""Vectors in the plane."""

from __future__ import annotations

import numpy as np
import pytest

from embedreg.core.errors import DataError, UsageError
from embedreg.smoothness import rugged_surface


def clusters(n=60):
    rng = np.random.default_rng(0)
    which = np.arange(n) % 2
    return rng.normal(size=(n, 6)) + 12 * which[:, None], which.astype(float)


def test_near_records_stay_near():
    vectors, which = clusters()
    found = rugged_surface(vectors, which)
    assert (found.method, found.why) == ("t-SNE", "")
    distance = np.linalg.norm(found.points[:, None] - found.points, axis=2) + np.diag(np.full(60, np.inf))
    assert (which[distance.argmin(axis=1)] == which).all()


def test_the_seed_decides():
    vectors, y = clusters()
    first, again = (rugged_surface(vectors, y, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.points, again.points)


def test_a_sample_is_taken_of_many():
    vectors, y = clusters(90)
    found = rugged_surface(vectors, y, max_points=40)
    assert found.points.shape == (40, 2)
    assert (np.diff(found.rows) > 0).all()
    np.testing.assert_array_equal(found.y, y[found.rows])


@pytest.mark.parametrize(
    ("vectors", "why"),
    [
        (np.random.default_rng(0).normal(size=(9, 4)), "fewer than 10 distinct"),
        (np.repeat(np.eye(5), 20, axis=0), "fewer than 10 distinct"),
        (np.arange(30.0)[:, None], "fewer than 2 coordinates"),
        (np.ones((30, 3)), "fewer than 2 coordinates"),
        (np.column_stack([np.ones(30), np.arange(30.0)]), "fewer than 2 coordinates"),
    ],
)
def test_principal_components_where_t_sne_does_not_apply(vectors, why):
    found = rugged_surface(vectors, np.arange(float(len(vectors))))
    assert found.method == "PCA"
    assert why in found.why
    assert found.points.shape == (len(vectors), 2)
    assert np.isfinite(found.points).all()


def test_principal_components_keep_distances_in_the_plane():
    vectors = np.random.default_rng(0).normal(size=(8, 2))
    found = rugged_surface(vectors, np.zeros(8))
    standardised = (vectors - vectors.mean(0)) / vectors.std(0)
    for a, b in [(0, 1), (2, 7), (3, 5)]:
        assert np.linalg.norm(found.points[a] - found.points[b]) == pytest.approx(
            np.linalg.norm(standardised[a] - standardised[b])
        )


def test_ten_distinct_vectors_are_enough():
    vectors = np.random.default_rng(0).normal(size=(10, 4))
    assert rugged_surface(vectors, np.arange(10.0)).method == "t-SNE"


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(UsageError, match="max_points=1"):
        rugged_surface(np.eye(3), np.ones(3), max_points=1)
    with pytest.raises(DataError):
        rugged_surface(np.eye(3), np.ones(2))
