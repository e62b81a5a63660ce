"""What is made of a text is remembered for the time of one piece of work, a fit say, in which several parts read it."""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

_REMEMBERED: ContextVar[dict[Hashable, Any] | None] = ContextVar("remembered", default=None)


@contextlib.contextmanager
def each_text_once() -> Iterator[None]:
    """Make vectors and features of a text once within this, though several parts of a model read it; it decorates too.

    They are held in memory until the outermost of nested ones is left.

    Examples
    --------
    >>> with each_text_once():
    ...     remembered()["a"] = 1
    ...     with each_text_once():
    ...         remembered()
    {'a': 1}
    """
    if _REMEMBERED.get() is not None:
        yield
        return
    token = _REMEMBERED.set({})
    try:
        yield
    finally:
        _REMEMBERED.reset(token)


def remembered() -> dict[Hashable, Any] | None:
    """Return what is remembered here, whose keys name the part that remembers, or None outside of `each_text_once`.

    Examples
    --------
    >>> remembered() is None
    True
    """
    return _REMEMBERED.get()
