"""How far embeddings move as inputs do: distances around one point, in growing balls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from embedreg.core.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    Floats: TypeAlias = NDArray[np.float64]

QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, eq=False)
class DistanceProfile:
    """Distances to a reference point, in the input and in the embedding.

    Attributes
    ----------
    radii
        Of the balls, shape (r,), ascending.
    input_distances, embedding_distances
        Euclidean, shape (r, samples): of each ball's points from the reference point, and of their embeddings
        from its embedding.
    levels
        Of the quantiles, shape (q,).
    input_quantiles, embedding_quantiles
        Of the distances in each ball, shape (r, q).
    """

    radii: Floats
    input_distances: Floats
    embedding_distances: Floats
    levels: Floats
    input_quantiles: Floats
    embedding_quantiles: Floats


def distance_profile(
    embed: Callable[[Floats], Any],
    center: ArrayLike,
    radii: ArrayLike,
    *,
    samples: int = 100,
    seed: int = 0,
) -> DistanceProfile:
    """Sample points in growing l2 balls around a reference point and compare distances before and after embedding.

    Points are uniform in each ball. In many dimensions nearly all of a ball is near its surface.

    Parameters
    ----------
    embed
        From points, shape (n, dof), to vectors, shape (n, d). Called once, with the reference point and all
        samples.
    center
        The reference point, shape (dof,).
    radii
        Of the balls, positive, in the inputs' unit; sorted for you.
    samples
        Points a ball.
    seed
        Of the sampling.

    Raises
    ------
    UsageError
        If the reference point, a radius or `samples` is none.
    DataError
        If `embed` does not give a finite vector a point.

    Examples
    --------
    >>> profile = distance_profile(lambda points: 2 * points, center=[0.0, 0.0, 0.0], radii=[1, 2, 4])
    >>> np.allclose(profile.embedding_distances, 2 * profile.input_distances)
    True
    >>> profile.embedding_quantiles.shape
    (3, 5)
    """
    reference, sizes = _checked_balls(center, radii, samples)
    points = reference + _balls(
        sizes, samples, len(reference), np.random.default_rng(seed)
    )  # (r, samples, dof)
    asked = np.concatenate([reference[None], points.reshape(-1, len(reference))])
    vectors = _embedded(embed, asked)
    shape = (len(sizes), samples)
    before = np.linalg.norm(asked[1:] - asked[0], axis=1).reshape(shape)
    after = np.linalg.norm(vectors[1:] - vectors[0], axis=1).reshape(shape)
    return DistanceProfile(
        radii=sizes,
        input_distances=before,
        embedding_distances=after,
        levels=np.array(QUANTILES),
        input_quantiles=np.quantile(before, QUANTILES, axis=1).T,
        embedding_quantiles=np.quantile(after, QUANTILES, axis=1).T,
    )


def _balls(radii: Floats, samples: int, dof: int, rng: np.random.Generator) -> Floats:
    """Return points uniform in balls around zero, shape (r, samples, dof)."""
    direction = rng.normal(size=(len(radii), samples, dof))
    direction /= np.linalg.norm(direction, axis=2, keepdims=True)
    share = rng.uniform(size=(len(radii), samples, 1)) ** (1 / dof)
    points: Floats = radii[:, None, None] * share * direction
    return points


def _embedded(embed: Callable[[Floats], Any], points: Floats) -> Floats:
    vectors = np.asarray(embed(points), dtype=np.float64)
    if vectors.ndim != 2 or len(vectors) != len(points) or not np.isfinite(vectors).all():
        raise DataError(
            f"vectors of shape {vectors.shape} for {len(points)} points, or values that are no finite number",
            expected=f"finite vectors of shape ({len(points)}, d)",
            mend="let embed return one vector a point",
        )
    return vectors


def _checked_balls(center: ArrayLike, radii: ArrayLike, samples: int) -> tuple[Floats, Floats]:
    reference, sizes = np.asarray(center, dtype=np.float64), np.sort(np.asarray(radii, dtype=np.float64))
    if reference.ndim != 1 or not reference.size or not np.isfinite(reference).all():
        raise UsageError(
            f"a reference point of shape {reference.shape}",
            expected="finite numbers of shape (dof,), dof at least 1",
            mend="give the coordinates of one point",
        )
    if sizes.ndim != 1 or not sizes.size or not (np.isfinite(sizes) & (sizes > 0)).all():
        raise UsageError(
            f"radii {radii!r}", expected="one or more positive numbers", mend="give radii such as [1, 2, 4]"
        )
    if samples < 1:
        raise UsageError(f"samples={samples}", expected="at least 1", mend="leave it at 100")
    return reference, sizes
