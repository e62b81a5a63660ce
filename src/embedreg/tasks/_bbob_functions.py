"""The test functions of BBOB, by way of ioh, and the two that Google Vizier adds to them.

The published study has 23 functions, as Vizier has: 21 of BBOB's 24 and two of its own. Vizier's Rastrigin turns
its input, so its counterpart is the rotated one. Vizier lacks `rosenbrock`, `ellipsoid_rotated` and the
`rastrigin` that is not turned.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from typing import TYPE_CHECKING, Final

import numpy as np

from embedreg.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Points = NDArray[np.float64]

BBOB_FUNCTIONS: Final = (
    "sphere",
    "ellipsoid",
    "rastrigin",
    "bueche_rastrigin",
    "linear_slope",
    "attractive_sector",
    "step_ellipsoid",
    "rosenbrock",
    "rosenbrock_rotated",
    "ellipsoid_rotated",
    "discus",
    "bent_cigar",
    "sharp_ridge",
    "different_powers",
    "rastrigin_rotated",
    "weierstrass",
    "schaffers10",
    "schaffers1000",
    "griewank_rosenbrock",
    "schwefel",
    "gallagher101",
    "gallagher21",
    "katsuura",
    "lunacek_bi_rastrigin",
)
"""BBOB's names in BBOB's order: the first is f1."""

NOT_IN_THE_PAPER: Final = ("rastrigin", "rosenbrock", "ellipsoid_rotated")

_FIXED: Final = {
    "bueche_rastrigin",
    "linear_slope",
    "step_ellipsoid",
    "weierstrass",
    "schaffers10",
    "schaffers1000",
    "schwefel",
    "gallagher101",
    "gallagher21",
    "katsuura",
    "lunacek_bi_rastrigin",
}
"""Those that charge for leaving [-5, 5], or have their optimum at its edge."""

MOVABLE: Final = tuple(name for name in BBOB_FUNCTIONS if name not in _FIXED)
"""Those whose optimum may be moved."""


def evaluate_bbob(
    function: str, points: Points, instance: int, *, centred: bool = False
) -> NDArray[np.float64]:
    """Return a function's values, offset included, as ioh gives them.

    Parameters
    ----------
    function
        One of `BBOB_FUNCTIONS`.
    points
        Shape (n, dof), dof at least 2.
    instance
        Which shift, rotation and offset.
    centred
        Whether to undo the shift, so that the optimum is at the origin; for functions of `MOVABLE`.

    Returns
    -------
    NDArray
        Shape (n,).

    Raises
    ------
    UsageError
        If ioh is missing.
    """
    if not ioh_is_here():
        raise _no_ioh()
    import ioh

    number = BBOB_FUNCTIONS.index(function) + 1
    problem = ioh.get_problem(number, instance, points.shape[1], ioh.ProblemClass.BBOB)
    shift = np.array(problem.optimum.x) if centred else 0.0
    return np.asarray(problem(points + shift), dtype=np.float64)


def ioh_is_here() -> bool:
    """Whether ioh is installed."""
    return importlib.util.find_spec("ioh") is not None


def ioh_version() -> str:
    """Return which ioh is installed; UsageError if none is."""
    try:
        return importlib.metadata.version("ioh")
    except importlib.metadata.PackageNotFoundError:
        raise _no_ioh() from None


def _no_ioh() -> UsageError:
    return UsageError(
        "no package ioh, which computes the BBOB functions",
        expected="the extra that brings it",
        mend="pip install 'embedreg[bbob]'",
    )


def _negative_sphere(turned: Points) -> NDArray[np.float64]:
    """Rise with the distance from the origin, but fall along the first turned axis."""
    squares = turned**2
    return np.asarray(100 + squares[:, 1:].sum(axis=1) - squares[:, 0])


def _negative_min_difference(turned: Points) -> NDArray[np.float64]:
    """Fall with the smallest step from a turned coordinate to the next."""
    return np.asarray(10 - np.diff(turned, axis=1).min(axis=1))


VIZIER_FUNCTIONS: Final[dict[str, Callable[[Points], NDArray[np.float64]]]] = {
    "negative_sphere": _negative_sphere,
    "negative_min_difference": _negative_min_difference,
}


def evaluate_vizier(function: str, points: Points, instance: int) -> NDArray[np.float64]:
    """Return the values of one of `VIZIER_FUNCTIONS`, shape (n,), at points of shape (n, dof).

    The points are turned first, by a rotation that is drawn for each instance. Vizier's own rotations are not
    reproduced; nor is a term of 1e-8 times the sum of the inputs, which keeps its second function from ties.
    """
    return VIZIER_FUNCTIONS[function](points @ _rotation(points.shape[1], instance).T)


def _rotation(dof: int, instance: int) -> NDArray[np.float64]:
    """Return an orthogonal matrix, shape (dof, dof), every one equally likely."""
    normal = np.random.default_rng([dof, instance]).standard_normal((dof, dof))
    orthogonal, triangular = np.linalg.qr(normal)
    return np.asarray(orthogonal * np.sign(np.diag(triangular)))
