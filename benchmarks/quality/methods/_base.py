"""What a method is, and what it is given."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from embedreg.core.errors import UsageError
from embedreg.tasks import TaskData

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from embedreg.core.records import Record

DTYPE: Final = "float32"
"""Of embeddings, so that a row is the same wherever it is run: the default is what is fastest on a machine."""
Interval = Callable[[list[Any], float], np.ndarray]


@dataclass(frozen=True, eq=False)
class Parts:
    """What is known of a task: rows to train on, and rows to choose on.

    Attributes
    ----------
    train, validation
        Records and targets; a method that needs no rows of its own to choose on may train on both.
    """

    train: TaskData
    validation: TaskData

    @property
    def known(self) -> TaskData:
        """Both together."""
        return TaskData(
            self.train.records + self.validation.records, np.concatenate([self.train.y, self.validation.y])
        )


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted method.

    Attributes
    ----------
    predict
        Takes records, gives predictions, shape (n,).
    interval
        Takes records and a coverage, gives intervals, shape (n, 2); None if the method has none.
    chosen
        What it chose, as JSON values.
    """

    predict: Callable[[list[Record]], NDArray[np.float64]]
    interval: Interval | None = None
    chosen: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Method:
    """A method by name.

    Attributes
    ----------
    name
        As in tables and on the command line.
    fit
        Takes `Parts` and a seed.
    packages
        What it imports that may be missing.
    settings
        JSON values that decide its numbers: a result is kept under them, and computed anew when they change.
    """

    name: str
    fit: Callable[[Parts, int], Fitted]
    packages: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)

    def digest(self) -> str:
        """Return a digest of the settings."""
        return hashlib.sha256(json.dumps(self.settings, sort_keys=True).encode()).hexdigest()[:16]


def require(methods: Iterable[Method]) -> None:
    """Refuse before anything is run if a package is missing.

    Raises
    ------
    UsageError
        If a method's package is not installed.
    """
    for method in methods:
        for package in method.packages:
            if importlib.util.find_spec(package) is None:
                raise UsageError(
                    f"no package {package}, which the method {method.name!r} needs",
                    expected="the extra 'benchmarks'",
                    mend="pip install 'embedreg[benchmarks]', or choose others with --methods",
                )
