"""BBOB tasks: known functions at any number of inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from embedreg.core.arguments import whole_number
from embedreg.core.errors import UsageError
from embedreg.tasks._bbob_functions import (
    BBOB_FUNCTIONS,
    MOVABLE,
    NOT_IN_THE_PAPER,
    VIZIER_FUNCTIONS,
    evaluate_bbob,
    evaluate_vizier,
    ioh_is_here,
    ioh_version,
)
from embedreg.tasks._task import Suite, Task, TaskData

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from embedreg.core.protocols import Json

PAPER_DOFS: Final = (5, 10, 25, 50, 100)
"""The numbers of inputs of the published study, meant where none is given."""

LEAST_DOF: Final = 2
_ROWS: Final = 500
_RANGE: Final = (-5.0, 5.0)
_DESIGN_VERSION: Final = 1
"""Raised when a seed comes to give other points or another instance, so that stored results are not reused."""


def design_points(dof: int, seed: int, rows: int) -> NDArray[np.float64]:
    """Return points drawn uniformly from [-5, 5]^dof, shape (rows, dof).

    Only `dof` and `seed` decide them, so all functions share the points and their embeddings. Fewer rows are
    the first of more.

    Raises
    ------
    UsageError
        If `seed` is negative or not whole, or there are no rows.

    Examples
    --------
    >>> bool((design_points(3, 0, 10) == design_points(3, 0, 500)[:10]).all())
    True
    """
    if None in (whole_number(seed), whole_number(rows)) or seed < 0 or rows < 1:
        raise UsageError(
            f"seed {seed!r} and {rows!r} rows",
            expected="a seed from 0 and at least 1 row, whole numbers",
            mend="correct them",
        )
    return np.random.default_rng([dof, seed]).uniform(*_RANGE, size=(rows, dof))


@dataclass(frozen=True, kw_only=True)
class BbobTask(Task):
    """A function at one number of inputs. Its data are drawn: seed s gives instance s + 1.

    Attributes
    ----------
    function
        One of `BBOB_FUNCTIONS`.
    """

    function: str

    def identity(self) -> dict[str, Json]:
        """Return what decides the points, and which ioh computes the function."""
        return self._identity() | {"ioh": ioh_version()}

    def is_here(self) -> bool:
        """Whether ioh is installed."""
        return ioh_is_here()

    def load(self, seed: int = 0, rows: int | None = None) -> TaskData:
        """Return `rows` points (500 if None) and the function's values at them."""
        points = design_points(self.dof, seed, _ROWS if rows is None else rows)
        names = [f"x{i}" for i in range(1, self.dof + 1)]
        records = [dict(zip(names, point, strict=True)) for point in points.tolist()]
        return TaskData(list(records), self._evaluate(points, seed + 1))

    def _identity(self) -> dict[str, Json]:
        return {
            "function": self.function,
            "dof": self.dof,
            "range": list(_RANGE),
            "instance": "seed + 1",
            "design": _DESIGN_VERSION,
        }

    def _evaluate(self, points: NDArray[np.float64], instance: int) -> NDArray[np.float64]:
        return evaluate_bbob(self.function, points, instance)


class CentredTask(BbobTask):
    """A function of BBOB's whose optimum is put at the origin."""

    def _identity(self) -> dict[str, Json]:
        return super()._identity() | {"optimum": "origin"}

    def _evaluate(self, points: NDArray[np.float64], instance: int) -> NDArray[np.float64]:
        return evaluate_bbob(self.function, points, instance, centred=True)


class VizierTask(BbobTask):
    """A function that Vizier adds to BBOB's; it needs no ioh."""

    def identity(self) -> dict[str, Json]:
        """Return what decides the points and the function."""
        return self._identity()

    def is_here(self) -> bool:
        """Whether it can be computed: always."""
        return True

    def _evaluate(self, points: NDArray[np.float64], instance: int) -> NDArray[np.float64]:
        return evaluate_vizier(self.function, points, instance)


def _bbob(dofs: Sequence[int]) -> Suite:
    tasks = tuple(_bbob_task(name, dof) for dof in dofs for name in BBOB_FUNCTIONS)
    return Suite("bbob", "The 24 noiseless functions of BBOB, inputs in [-5, 5]", tasks)


def _bbob_paper(dofs: Sequence[int]) -> Suite:
    shared = [name for name in BBOB_FUNCTIONS if name not in NOT_IN_THE_PAPER]
    tasks = tuple(
        task
        for dof in dofs
        for task in (
            *(_bbob_task(name, dof) for name in shared),
            *(_vizier_task(name, dof) for name in VIZIER_FUNCTIONS),
        )
    )
    return Suite("bbob-paper", "The 23 functions of the paper: 21 of BBOB's and two of Vizier's own", tasks)


def _bbob_centred(dofs: Sequence[int]) -> Suite:
    tasks = tuple(_bbob_task(name, dof, CentredTask, "bbob-centred") for dof in dofs for name in MOVABLE)
    return Suite("bbob-centred", "13 of BBOB's functions, their optimum at the origin as in Vizier's", tasks)


GeneratedSuite: TypeAlias = Callable[["Sequence[int]"], Suite]
GENERATED_SUITES: Final[dict[str, GeneratedSuite]] = {
    "bbob": _bbob,
    "bbob-paper": _bbob_paper,
    "bbob-centred": _bbob_centred,
}


def _bbob_task(function: str, dof: int, kind: type[BbobTask] = BbobTask, suite: str = "bbob") -> BbobTask:
    return kind(
        name=f"{suite}/{function}@{dof}",
        suite=suite,
        kind="bbob",
        rows=None,
        dof=dof,
        summary=f"BBOB's f{BBOB_FUNCTIONS.index(function) + 1}",
        licence="BSD-3-Clause",
        source="https://github.com/IOHprofiler/IOHexperimenter",
        sha256=None,
        function=function,
    )


def _vizier_task(function: str, dof: int) -> VizierTask:
    return VizierTask(
        name=f"bbob-paper/{function}@{dof}",
        suite="bbob-paper",
        kind="bbob",
        rows=None,
        dof=dof,
        summary="a function that Vizier adds to BBOB's",
        licence="Apache-2.0",
        source="https://github.com/google/vizier",
        sha256=None,
        function=function,
    )
