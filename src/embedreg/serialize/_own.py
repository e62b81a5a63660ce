"""Serializers that embedreg does not know by name: their code is not saved, and `load` is given them again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from embedreg.core.errors import SavedModelError, UsageError
from embedreg.core.protocols import Serializer
from embedreg.serialize._registry import is_rebuilt_by_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from embedreg.core.protocols import Json


def own_identity(serializer: str | Serializer) -> dict[str, Json] | None:
    """Return what tells a serializer of the user's own from others, as JSON values, or None if it has a name here.

    Raises
    ------
    UsageError
        If its settings are no JSON values.

    Examples
    --------
    >>> own_identity("json")
    >>> class Plain:
    ...     def __call__(self, record):
    ...         return str(record)
    ...     def settings(self):
    ...         return {"version": 1}
    >>> own_identity(Plain())
    {'class': 'Plain', 'settings': {'version': 1}}
    """
    if isinstance(serializer, str) or is_rebuilt_by_name(serializer):
        return None
    try:
        settings = json.loads(json.dumps(serializer.settings()))
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"settings of {serializer!r} that JSON does not have ({error})",
            expected="texts, numbers, booleans, None, and lists and mappings of those",
            mend="let its `settings()` return such values",
        ) from None
    return {"class": type(serializer).__name__, "settings": settings}


def check_own(given: Serializer | None, saved: Mapping[str, Json] | None) -> None:
    """Make sure that the serializer given to `load` is the one whose `own_identity` was saved.

    Raises
    ------
    UsageError
        If one is given and none was saved.
    SavedModelError
        If one was saved, and none or another one is given.
    """
    if given is None and saved is None:
        return
    if saved is None:
        raise UsageError(
            f"serializer={given!r} for a model whose serializer is saved with it",
            expected="no serializer",
            mend="leave it out",
        )
    if not isinstance(given, Serializer) or own_identity(given) != saved:
        raise SavedModelError(
            "no serializer" if given is None else f"serializer={given!r}",
            expected=f"the {saved['class']} with the settings {saved['settings']} that was fitted with, whose code "
            "is not saved",
            mend="give it: EmbeddingRegressor.load(path, serializer=...)",
        )
