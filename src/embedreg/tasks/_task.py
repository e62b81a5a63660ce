"""What a task is, and a suite of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from embedreg.core.protocols import Json
    from embedreg.core.records import Record


@dataclass(frozen=True, eq=False)
class TaskData:
    """Records and the number that belongs to each.

    Attributes
    ----------
    records
        n texts or n mappings.
    y
        The numbers to predict, shape (n,), all finite.
    """

    records: list[Record]
    y: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Task(ABC):
    """A regression task that has a name.

    Attributes
    ----------
    name
        "suite/task", for a task made at any number of fields "suite/task@dof". No two tasks share one.
    suite
        The suite it belongs to.
    kind
        "bbob" (drawn anew for each seed), "table", "dict" (mappings whose keys may differ) or "text".
    rows
        How many it has, or None if it can be drawn at any length.
    dof
        Degrees of freedom: how many different fields its records have. A text has one.
    summary
        What the number is.
    licence, source
        Whose it is.
    sha256
        Of its file, or None if it has none.
    """

    name: str
    suite: str
    kind: str
    rows: int | None
    dof: int
    summary: str
    licence: str
    source: str
    sha256: str | None

    @abstractmethod
    def identity(self) -> dict[str, Json]:
        """Return everything that decides its data beside `seed` and `rows`: part of a result's key.

        Raises
        ------
        UsageError
            If it is made by a package that is missing, whose version is a part of it.
        """

    @abstractmethod
    def is_here(self) -> bool:
        """Whether `load` finds what it needs on this machine."""

    @abstractmethod
    def load(self, seed: int = 0, rows: int | None = None) -> TaskData:
        """Return the data.

        Parameters
        ----------
        seed, rows
            Which draw, and how many rows of it. A task that has a file has one set of rows: it ignores both
            and gives all of them.

        Raises
        ------
        UsageError
            If a file or a package is missing, or `seed` or `rows` cannot be meant.
        DataError
            If a file's sha256 is not the one that is known.
        """


@dataclass(frozen=True)
class Suite:
    """Tasks that belong together.

    Attributes
    ----------
    name
        For `suite_named` and `select_tasks`.
    description
        One line.
    tasks
        In order.
    """

    name: str
    description: str
    tasks: tuple[Task, ...]
