"""The models that are known by name, read from `catalogue.toml`."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from embedreg.core.errors import unknown_name
from embedreg.embed._sources import SOURCE_TYPES

if TYPE_CHECKING:
    from embedreg.embed._sources import Source

DEFAULT_MODEL: Final = "minilm"
_FILE: Final = Path(__file__).with_name("catalogue.toml")


@dataclass(frozen=True)
class CatalogueEntry:
    """A model that can be fetched by name and checked.

    Attributes
    ----------
    name
        What the user calls it.
    description
        One line for a list of models.
    kind
        Which engine runs it: "transformer", "gguf" (a transformer that is converted once) or "static".
    dimension
        Length of a vector of its last layer.
    window
        Tokens it reads at once; longer text is read in several windows.
    parameters
        How many numbers its weights hold.
    licence
        SPDX identifier of the licence of the weights.
    sources
        Where it can be fetched from, tried in order.
    weights
        File name of the weights.
    sha256
        Of that file; other bytes are never used. None if it is not known here: what comes first is not verified,
        but trusted; its hash is recorded and checked ever after. It may be `weights`, its shards with their
        index, or a torch checkpoint, which is converted.
    prompt
        What the model's authors put before a text that is searched for, for people to read; it is used only if it
        is asked for.
    """

    name: str
    description: str
    kind: str
    dimension: int | None
    window: int | None
    parameters: int | None
    licence: str
    sources: tuple[Source, ...]
    weights: str = "model.safetensors"
    sha256: str | None = None
    prompt: str = ""


def catalogue() -> dict[str, CatalogueEntry]:
    """Return the known models by name, the default first.

    Examples
    --------
    >>> catalogue()["minilm"].dimension
    384
    """
    return dict(_entries())


def entry_named(name: str) -> CatalogueEntry:
    """Return a known model.

    Raises
    ------
    UsageError
        If the name is unknown; it names the nearest known ones.

    Examples
    --------
    >>> entry_named("minilm").licence
    'Apache-2.0'
    """
    if name not in _entries():
        raise unknown_name("model", name, _entries())
    return _entries()[name]


@functools.cache
def _entries() -> dict[str, CatalogueEntry]:
    tables = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {name: _entry(name, table) for name, table in tables.items()}


def _entry(name: str, table: dict[str, Any]) -> CatalogueEntry:
    sources = tuple(_source(source) for source in table.pop("sources"))
    return CatalogueEntry(name=name, sources=sources, **table)


def _source(table: dict[str, Any]) -> Source:
    return SOURCE_TYPES[table.pop("type")](**table)
