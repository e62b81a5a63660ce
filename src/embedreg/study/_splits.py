"""Training, validation and test rows, with equal inputs on one side."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from embedreg.core.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

MIN_ROWS = 20
"""A tenth of fewer rows is less than two, and one row alone cannot be ranked."""

MIN_INPUTS = 10
"""The fewest distinct inputs that leave two for validation, two for test, and most of them to learn from."""

_LEAST_INPUTS = 2  # equal inputs get equal predictions, so a part with one distinct input has nothing to rank
_LEAST_SHARE_LEARNT = 0.5  # of the distinct inputs
_TRAIN, _VALIDATION, _TEST = range(3)


@dataclass(frozen=True, eq=False)
class Split:
    """Row indices of the three parts, each ascending. No row is in two of them.

    Attributes
    ----------
    train, validation, test
        Shapes (n_train,), (n_validation,) and (n_test,).
    """

    train: NDArray[np.intp]
    validation: NDArray[np.intp]
    test: NDArray[np.intp]


def group_split(
    groups: Sequence[Hashable] | NDArray[np.integer],
    *,
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
    seed: int,
    max_rows: int | None = None,
) -> Split:
    """Split rows at random, keeping all rows of an input in one part.

    Repeated inputs are kept as they are, not merged or averaged: their spread is part of the data. They only
    never straddle two parts, where a method could look the answer up.

    The sizes are those of `fractions` in rows, as near as whole inputs allow: when no part is held to the
    limits below, validation and test are off by at most half the smallest input left in train. Two limits
    come first: validation and test have two distinct inputs at least, and half of all distinct inputs stay in
    train at least (or the fraction of train, if that is less). So an input with most of the rows goes to
    train, and the held-out parts are small.

    Parameters
    ----------
    groups
        What tells inputs apart, one a row: the input's text, say, or an integer. Only equality matters.
    fractions
        Shares of train, validation and test. They are positive and sum to one.
    seed
        Decides everything: the sample and the split.
    max_rows
        First take a random sample of that many rows, if there are more. The published setting has 500.

    Returns
    -------
    Split
        Indices into `groups`.

    Raises
    ------
    UsageError
        If `fractions` or `max_rows` cannot be meant.
    DataError
        If there are fewer than `MIN_ROWS` rows or `MIN_INPUTS` distinct inputs, after sampling.

    Examples
    --------
    >>> split = group_split(["a", "b"] * 5 + [f"c{i}" for i in range(90)], seed=0)
    >>> len(split.train), len(split.validation), len(split.test)
    (80, 10, 10)
    """
    _check_call(fractions, max_rows)
    codes = _codes(groups)
    rng = np.random.default_rng(seed)
    rows = _sample(len(codes), max_rows, rng)
    inputs, input_of_row, rows_of_input = np.unique(codes[rows], return_inverse=True, return_counts=True)
    _check_enough(len(rows), len(inputs))
    part = _assign(rows_of_input, fractions, rng)[input_of_row]  # (rows,)
    return Split(train=rows[part == _TRAIN], validation=rows[part == _VALIDATION], test=rows[part == _TEST])


def _codes(groups: Sequence[Hashable] | NDArray[np.integer]) -> NDArray[np.intp]:
    """Return the groups numbered in order of appearance, so that their names do not matter."""
    seen: dict[Hashable, int] = {}
    names = groups.tolist() if isinstance(groups, np.ndarray) else groups
    return np.array([seen.setdefault(name, len(seen)) for name in names], dtype=np.intp)


def _sample(n: int, max_rows: int | None, rng: np.random.Generator) -> NDArray[np.intp]:
    if max_rows is None or max_rows >= n:
        return np.arange(n)
    return np.sort(rng.choice(n, size=max_rows, replace=False))


def _assign(
    sizes: NDArray[np.intp], fractions: tuple[float, float, float], rng: np.random.Generator
) -> NDArray[np.intp]:
    """Return the part of each input, given how many rows each has."""
    parts = np.full(len(sizes), _TRAIN)
    order = rng.permutation(len(sizes))
    held_out = fractions[1] + fractions[2]
    share = max(held_out, 1 - _LEAST_SHARE_LEARNT)  # of the distinct inputs, for both held-out parts together
    for part in (_TEST, _VALIDATION):
        target = max(_LEAST_INPUTS, round(fractions[part] * int(sizes.sum())))
        most = max(_LEAST_INPUTS, math.floor(share * fractions[part] / held_out * len(sizes)))
        free = order[parts[order] == _TRAIN]
        parts[_pick(sizes[free], free, target, most)] = part
    return parts


def _pick(sizes: NDArray[np.intp], inputs: NDArray[np.intp], target: int, most: int) -> list[int]:
    """Take inputs in order while they fit in `target` rows, then the smallest others while that helps."""
    taken: list[int] = []
    passed: list[tuple[int, int]] = []
    missing = target
    for size, name in zip(sizes.tolist(), inputs.tolist(), strict=True):
        if size <= missing and len(taken) < most:
            taken.append(name)
            missing -= size
        else:
            passed.append((size, name))
    for size, name in sorted(passed, key=lambda pair: pair[0]):
        comes_nearer = size < 2 * missing and len(taken) < most
        if not comes_nearer and len(taken) >= _LEAST_INPUTS:
            break
        taken.append(name)
        missing -= size
    return taken


def _check_call(fractions: tuple[float, float, float], max_rows: int | None) -> None:
    if min(fractions) <= 0 or not math.isclose(sum(fractions), 1):
        raise UsageError(
            f"fractions {fractions}",
            expected="three positive numbers that sum to one: train, validation, test",
            mend="use (0.8, 0.1, 0.1)",
        )
    if max_rows is not None and max_rows < MIN_ROWS:
        raise UsageError(
            f"max_rows {max_rows}",
            expected=f"at least {MIN_ROWS} rows to split",
            mend=f"give {MIN_ROWS} or more, or leave it out to use all rows",
        )


def _check_enough(n_rows: int, n_inputs: int) -> None:
    if n_rows < MIN_ROWS or n_inputs < MIN_INPUTS:
        raise DataError(
            f"{n_rows} rows with {n_inputs} distinct inputs",
            expected=f"at least {MIN_ROWS} rows and {MIN_INPUTS} distinct inputs, to split in three",
            mend="give more data; a comparison worth reading needs some hundred rows",
        )
