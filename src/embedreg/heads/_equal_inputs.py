"""Which problems have the same inputs, so that what depends on inputs alone is computed once for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embedreg.heads._base import Problem

_SAMPLED: Final = 16
"""Rows compared first: folds of one table have the same shape, and reading all of them would take a while."""


def with_equal_inputs(problems: Sequence[Problem]) -> list[list[int]]:
    """Return the positions of problems, those together whose inputs and weights are equal.

    Examples
    --------
    >>> from embedreg.heads import Problem
    >>> X = np.arange(6.0)[:, None]
    >>> with_equal_inputs([Problem(X, X[:, 0]), Problem(X + 1, X[:, 0]), Problem(X.copy(), -X[:, 0])])
    [[0, 2], [1]]
    """
    groups: list[list[int]] = []
    for position, problem in enumerate(problems):
        alike = (group for group in groups if _have_equal_inputs(problems[group[0]], problem))
        group = next(alike, None)
        if group is None:
            groups.append([position])
        else:
            group.append(position)
    return groups


def _have_equal_inputs(one: Problem, other: Problem) -> bool:
    return _are_equal(one.X, other.X) and _are_equal(one.weight, other.weight)


def _are_equal(one: Any, other: Any) -> bool:
    """Return whether two arrays are equal in value and type; other things only if they are one object."""
    if one is other:
        return True
    if not (isinstance(one, np.ndarray) and isinstance(other, np.ndarray)):
        return False
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    step = 1 + len(one) // _SAMPLED
    return np.array_equal(one[::step], other[::step]) and np.array_equal(one, other)
