"""A user's own records, and over which representation their target is the smoother one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from embedreg.core.errors import DataError, UsageError
from embedreg.core.records import as_records
from embedreg.serialize import input_numbers
from embedreg.smoothness._gap_interval import GapInterval, interval_around
from embedreg.smoothness._nlfd import NLFD, nlfd, smoothness_gap
from embedreg.smoothness._sentence import smoothness_prediction, smoothness_sentence

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from embedreg.smoothness._nlfd import Scaling
    from embedreg.text_embedder import TextEmbedder

    Floats: TypeAlias = NDArray[np.float64]

MAX_ROWS: Final = 5000


@dataclass(frozen=True, eq=False)
class RepresentationSmoothness:
    """What was found.

    Attributes
    ----------
    records
        How many records there were.
    rows
        Which of them were used, shape (n,), ascending: all, or a random sample.
    distinct_inputs
        How many of those used differ from all before them.
    y
        Their targets, shape (n,).
    vectors
        Theirs by representation, "embedding" and "tabular", shapes (n, d).
    distributions
        Their NLFDs by representation.
    gap
        Z with its interval.
    """

    records: int
    rows: NDArray[np.intp]
    distinct_inputs: int
    y: Floats
    vectors: dict[str, NDArray[np.floating]]
    distributions: dict[str, NLFD]
    gap: GapInterval

    @property
    def sampled(self) -> bool:
        """Whether some records were left out."""
        return len(self.rows) < self.records

    @property
    def sentence(self) -> str:
        """Which representation is the smoother one, in words."""
        known = not math.isnan(self.gap.low)
        return smoothness_sentence(self.gap.gap, decided=self.gap.decided, has_interval=known)

    @property
    def prediction(self) -> str:
        """What that predicts, in words."""
        return smoothness_prediction(self.gap)


def compare_smoothness(
    records: Any,
    y: ArrayLike,
    embedder: TextEmbedder,
    *,
    max_rows: int = MAX_ROWS,
    seed: int = 0,
    scaling: Scaling = "invariant",
    splits: int = 20,
) -> RepresentationSmoothness:
    """Measure how smooth a target is over the embeddings of records and over their traditional features.

    Parameters
    ----------
    records
        n texts or mappings, a DataFrame, an Arrow table or a 2-D array.
    y
        Their targets, shape (n,), finite.
    embedder
        The way from a record to its embedding; it need not be fitted.
    max_rows
        A random sample of so many records is used if there are more: time grows with their square.
    seed
        Of the sample, of the features and of the interval.
    scaling
        As for `nlfd`.
    splits
        As for `smoothness_gap_interval`.

    Raises
    ------
    DataError
        If there are under two records, or not one target a record, or a record cannot be written as text.
    UsageError
        If a setting is out of its range.
    """
    from embedreg.core.plain_outputs import plain_outputs  # noqa: PLC0415 (scikit-learn, as the next)
    from embedreg.features import TabularFeatures  # noqa: PLC0415 (scikit-learn, which an NLFD alone does without)

    records = as_records(records).items
    targets = np.asarray(y, dtype=np.float64)
    rows = _sample(len(records), targets, max_rows, seed)
    used = [records[row] for row in rows]
    groups = input_numbers(used)
    with plain_outputs():
        vectors: dict[str, NDArray[np.floating]] = {
            "embedding": embedder.fit(used).transform(used),
            "tabular": TabularFeatures(random_state=seed).fit(used).transform(used),
        }
    found = {name: nlfd(v, targets[rows], scaling=scaling) for name, v in vectors.items()}
    gap = interval_around(
        smoothness_gap(found["tabular"], found["embedding"]),
        vectors["tabular"],
        vectors["embedding"],
        targets[rows],
        groups=groups,
        scaling=scaling,
        splits=splits,
        level=0.95,
        seed=seed,
    )
    return RepresentationSmoothness(
        len(records), rows, int(groups.max()) + 1, targets[rows], vectors, found, gap
    )


def _sample(n: int, targets: Floats, max_rows: int, seed: int) -> NDArray[np.intp]:
    if max_rows < 2:
        raise UsageError(f"max_rows={max_rows}", expected="at least 2", mend=f"leave it at {MAX_ROWS}")
    if targets.shape != (n,):
        raise DataError(
            f"{n} records and targets of shape {targets.shape}",
            expected="one target a record",
            mend="give one number a record",
        )
    if n < 2:
        raise DataError(f"{n} records", expected="at least 2, to compare neighbours", mend="give more data")
    if n <= max_rows:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, size=max_rows, replace=False))
