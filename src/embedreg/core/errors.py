"""Errors that say what was got, what was expected and how to mend it.

Each class says whose mistake it is, which decides the command's exit status: 2 for a wrong call, 1 for the rest.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable


class EmbedregError(Exception):
    """Base of every error this package raises on purpose.

    Parameters
    ----------
    got
        What was met, with the place where it was met (file, column, row).
    expected
        What would have been right.
    mend
        What the user can do about it.

    Examples
    --------
    >>> print(EmbedregError("12 rows", expected="at least 20 rows", mend="give more data"))
    got 12 rows; expected at least 20 rows; to mend: give more data
    """

    exit_status: ClassVar[int] = 1

    def __init__(self, got: str, *, expected: str, mend: str) -> None:
        self.got = got
        self.expected = expected
        self.mend = mend
        super().__init__(f"got {got}; expected {expected}; to mend: {mend}")

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by keyword arguments, so that worker processes can raise it."""
        return _rebuild, (type(self), self.got, self.expected, self.mend)


def _rebuild(kind: type[EmbedregError], got: str, expected: str, mend: str) -> EmbedregError:
    return kind(got, expected=expected, mend=mend)


class UsageError(EmbedregError, ValueError):
    """The call itself is wrong: an unknown name, option, file or column."""

    exit_status = 2


class UnknownModelError(UsageError):
    """A language model's name or path leads nowhere here."""


class DataError(EmbedregError, ValueError):
    """The data cannot be used as they are."""


class ModelError(EmbedregError, RuntimeError):
    """A language model's weights cannot be found, fetched or trusted."""


class SavedModelError(EmbedregError, RuntimeError):
    """A saved model is incomplete, changed or of another version."""


class OutputError(EmbedregError, OSError):
    """A result cannot be written."""


class EmbedregWarning(UserWarning):
    """Something the user should know of, which stops nothing."""


def unknown_name(
    what: str, name: object, known: Iterable[str], *, kind: type[UsageError] = UsageError
) -> UsageError:
    """Return the error, of that kind, for a name that is not in a registry, with the nearest known ones.

    Examples
    --------
    >>> print(unknown_name("head", "rigde", ["ridge", "mlp"]))
    got head 'rigde'; expected one of mlp, ridge; to mend: did you mean 'ridge'?
    """
    names = sorted(known)
    nearest = difflib.get_close_matches(str(name), names, n=3, cutoff=0.5)
    hint = "did you mean " + " or ".join(repr(n) for n in nearest) + "?" if nearest else "choose one of those"
    return kind(f"{what} {name!r}", expected=f"one of {', '.join(names)}", mend=hint)
