"""Column names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embedreg.core.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def unique_names(names: Iterable[str], path: Path) -> tuple[str, ...]:
    """Return the names, each of which must be there once.

    Raises
    ------
    DataError
        If one is repeated.
    """
    found = tuple(names)
    if len(set(found)) < len(found):
        repeated = dict.fromkeys(name for name in found if found.count(name) > 1)
        raise DataError(
            f"the column name {', '.join(map(repr, repeated))} more than once in {path}",
            expected="every name once",
            mend="rename the repeated columns, or drop them",
        )
    return found
