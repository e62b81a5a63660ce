"""Models of the Hugging Face hub that are not in the catalogue: "hub:OWNER/NAME" or "hub:OWNER/NAME@REVISION"."""

from __future__ import annotations

import re
from typing import Final

from embedreg.core.errors import UsageError
from embedreg.embed._catalogue import CatalogueEntry
from embedreg.embed._sources import HubSource

_PREFIX: Final = "hub:"
_WRITTEN: Final = re.compile(r"hub:([\w.-]+/[\w.-]+)(?:@([\w./-]+))?")


def hub_entry(model: str) -> CatalogueEntry | None:
    """Return an entry for a model of the hub, which is trusted on first use; None for what is no such string.

    Raises
    ------
    UsageError
        If it begins as one and is none.

    Examples
    --------
    >>> print(hub_entry("hub:intfloat/e5-small-v2@main").sources[0])
    hub intfloat/e5-small-v2 at main
    """
    if not model.startswith(_PREFIX):
        return None
    found = _WRITTEN.fullmatch(model)
    if not found:
        raise UsageError(
            f"model {model!r}", expected="hub:OWNER/NAME or hub:OWNER/NAME@REVISION", mend="write it so"
        )
    repository, revision = found[1], found[2] or "main"
    return CatalogueEntry(
        name=re.sub(r"[^\w.-]", "--", f"{repository}@{revision}"),
        description=repository,
        kind="transformer",
        dimension=None,
        window=None,
        parameters=None,
        licence="",
        sources=(HubSource(repository, revision),),
    )
