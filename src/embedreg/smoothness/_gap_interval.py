"""How sure the smoothness gap is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy.special import stdtrit

from embedreg.core.errors import UsageError
from embedreg.core.progress import progress_bar
from embedreg.smoothness._nlfd import nlfd, smoothness_gap
from embedreg.smoothness._vectors import checked

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from embedreg.smoothness._nlfd import Scaling

    Rows: TypeAlias = NDArray[np.intp]

_LEAST_INPUTS = 6  # so that factors of a half can differ: those of two inputs never do


@dataclass(frozen=True)
class GapInterval:
    """The smoothness gap of two representations, and how far another draw of records might take it.

    Attributes
    ----------
    gap
        Z of all records, as `smoothness_gap` returns it.
    low, high
        Its interval; NaN where there is none: fewer than six distinct inputs, an undefined Z, or halves that do not differ.
    level
        Of the interval, such as 0.95.
    """

    gap: float
    low: float
    high: float
    level: float

    @property
    def decided(self) -> bool:
        """Whether the interval is there and lies on one side of zero."""
        return self.low > 0 or self.high < 0


def smoothness_gap_interval(
    trad: ArrayLike,
    llm: ArrayLike,
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    scaling: Scaling = "invariant",
    splits: int = 20,
    level: float = 0.95,
    seed: int = 0,
) -> GapInterval:
    """Return Z with an interval from resampling records.

    The records are split at random into two halves, many times. Two halves are two draws of n / 2 records, so
    half the difference of their Z varies as Z of all n does. That gives a standard error, with as many
    degrees of freedom as splits, and the interval is Z plus and minus its Student t quantile.

    Why halves and not draws with replacement: a record drawn twice is at distance zero from itself, and
    factors drawn as if they were independent are not, since a record's target is in its own factor and in
    those of all records it is the neighbour of. `benchmarks/smoothness_interval.py` measures how often either
    way holds the true Z: random halves come closer to the nominal level, and stay below it where the target
    has a heavy tail.

    Parameters
    ----------
    trad, llm
        Vectors of the same records, shapes (n, d) and (n, d'): traditional features, and the embedding.
    y
        Targets, shape (n,).
    groups
        A number a record, shape (n,); records with equal numbers go to the same half. Give equal inputs equal
        numbers. By default every record is an input of its own.
    scaling
        As for `nlfd`.
    splits
        How many; time grows with it, each taking half as long as both NLFDs together.
    level
        Of the interval.
    seed
        Of the splits.

    Raises
    ------
    DataError
        If shapes do not fit or a value is not finite.
    UsageError
        If a setting is out of its range.

    Examples
    --------
    >>> target = np.random.default_rng(0).normal(size=200)
    >>> shuffled = np.random.default_rng(1).permutation(target)
    >>> found = smoothness_gap_interval(shuffled[:, None], target[:, None], target)
    >>> found.decided and 0 < found.low < found.gap < found.high
    True
    """
    gap = smoothness_gap(nlfd(trad, y, scaling=scaling), nlfd(llm, y, scaling=scaling))
    return interval_around(
        gap, trad, llm, y, groups=groups, scaling=scaling, splits=splits, level=level, seed=seed
    )


def interval_around(
    gap: float,
    trad: ArrayLike,
    llm: ArrayLike,
    y: ArrayLike,
    *,
    groups: ArrayLike | None,
    scaling: Scaling,
    splits: int,
    level: float,
    seed: int,
) -> GapInterval:
    """Return the interval of a gap that is known already; otherwise as `smoothness_gap_interval`."""
    _check_settings(splits, level)
    (a, targets), (b, _) = checked(trad, y), checked(llm, y)
    inputs, input_of_record = np.unique(
        np.arange(len(targets)) if groups is None else np.asarray(groups), return_inverse=True
    )
    if len(input_of_record) != len(targets):
        raise UsageError(
            f"{len(input_of_record)} groups for {len(targets)} records",
            expected="one number a record",
            mend="give one group a record, or leave groups out",
        )
    if len(inputs) < _LEAST_INPUTS or not math.isfinite(gap):
        return GapInterval(gap, math.nan, math.nan, level)

    def gap_of(rows: Rows) -> float:
        distributions = (nlfd(vectors[rows], targets[rows], scaling=scaling) for vectors in (a, b))
        return smoothness_gap(*distributions)

    rng = np.random.default_rng(seed)
    halved = np.empty(splits)
    with progress_bar(splits, "interval of the smoothness gap", "splits") as bar:
        for split in range(splits):
            first = rng.permutation(len(inputs)) < len(inputs) // 2
            in_first = first[input_of_record]
            halved[split] = (gap_of(np.flatnonzero(in_first)) - gap_of(np.flatnonzero(~in_first))) / 2
            bar.update()
    room = float(stdtrit(splits, (1 + level) / 2)) * math.sqrt(float(np.mean(halved**2)))
    if not math.isfinite(room) or room == 0:
        return GapInterval(gap, math.nan, math.nan, level)
    return GapInterval(gap, gap - room, gap + room, level)


def _check_settings(splits: int, level: float) -> None:
    if splits < 1:
        raise UsageError(f"splits={splits}", expected="at least 1", mend="leave it at 20")
    if not 0 < level < 1:
        raise UsageError(
            f"level={level}", expected="a share between 0 and 1", mend="give 0.95 for 95% intervals"
        )
