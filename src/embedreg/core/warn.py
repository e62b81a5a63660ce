"""Warnings at the line that called this package, each once a call."""

from __future__ import annotations

import contextlib
import sys
import warnings
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from embedreg.core.errors import EmbedregWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_PASSED_OVER: Final = frozenset({"embedreg", "sklearn", "contextlib"})
_SAID: ContextVar[set[str] | None] = ContextVar("said", default=None)
_TOTALS: ContextVar[Totals | None] = ContextVar("totals", default=None)


def warn(message: str) -> None:
    """Issue an `EmbedregWarning`, at the nearest line outside this package and scikit-learn.

    Examples
    --------
    >>> with warnings.catch_warnings(record=True) as caught, each_once():
    ...     warnings.simplefilter("always")
    ...     warn("a field is new")
    ...     warn("a field is new")
    >>> [str(warning.message) for warning in caught]
    ['a field is new']
    """
    if not_yet_said([message]):
        warnings.warn(message, EmbedregWarning, stacklevel=_levels_to_the_outside())


def not_yet_said(things: Sequence[str]) -> list[str]:
    """Return those things that no warning was asked for within `each_once`, which will not be returned again within it.

    For messages with what differs from one batch of records to the next, such as counts.

    Examples
    --------
    >>> with each_once():
    ...     not_yet_said(["a is new", "b is new"]), not_yet_said(["b is new", "c is new"])
    (['a is new', 'b is new'], ['c is new'])
    """
    said = _SAID.get()
    if said is None:
        return list(things)
    new = [thing for thing in things if thing not in said]
    said.update(new)
    return new


@contextlib.contextmanager
def each_once() -> Iterator[None]:
    """Issue equal warnings once within this, though several parts of a model find the same fault; it decorates too."""
    if _SAID.get() is not None:  # a call within a call
        yield
        return
    token = _SAID.set(set())
    try:
        yield
    finally:
        _SAID.reset(token)


class Totals:
    """Counts of what is wrong in records that come batch by batch, to be warned of together."""

    def __init__(self) -> None:
        self._records = 0
        self._counts: dict[str, dict[str, int]] = {}
        self._said: dict[str, Callable[[str, dict[str, int], int], None]] = {}
        self._here: set[tuple[str, str]] = set()

    def begin(self, records: int) -> None:
        """Begin a batch, in which several parts of a model may find the same."""
        self._records += records
        self._here = set()

    def add(
        self, what: str, counts: Mapping[str, int], say: Callable[[str, dict[str, int], int], None]
    ) -> None:
        """Count what was found in this batch, by name; `say` warns of it, given all counts and the number of records."""
        self._said[what] = say
        sums = self._counts.setdefault(what, {})
        for name, count in counts.items():
            if (what, name) not in self._here:
                self._here.add((what, name))
                sums[name] = sums.get(name, 0) + count

    def say(self) -> None:
        """Warn of all that was counted."""
        for what, counts in self._counts.items():
            self._said[what](what, counts, self._records)


def totals() -> Totals | None:
    """Return where to count, or None outside of `together`."""
    return _TOTALS.get()


@contextlib.contextmanager
def together() -> Iterator[Totals]:
    """Warn of what batches of records have in common once, at the end, with the counts of them all.

    Examples
    --------
    >>> def say(what, counts, records):
    ...     print(what, counts, records)
    >>> with together() as batches:
    ...     for batch in ("ab", "abc"):
    ...         batches.begin(len(batch))
    ...         totals().add("missing", {"lr": 1}, say)
    missing {'lr': 2} 5
    """
    found = Totals()
    token = _TOTALS.set(found)
    try:
        yield found
    finally:
        _TOTALS.reset(token)
        found.say()


def _levels_to_the_outside() -> int:
    """Return how far the caller's caller is below the first frame that is of neither, as `stacklevel` counts."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and _package(frame.f_globals) in _PASSED_OVER:
        level, frame = level + 1, frame.f_back
    return level


def _package(names: dict[str, object]) -> str:
    return str(names.get("__name__", "")).partition(".")[0]
