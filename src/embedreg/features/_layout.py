"""The columns that records hold, nested values being flattened. Learnt from training records alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from embedreg.core.errors import DataError
from embedreg.features._values import check_types, is_missing, is_number, number, written

Path: TypeAlias = "tuple[str | int | tuple[str], ...]"
"""Where a value is in a record: keys, positions in lists, lastly perhaps one of `SUMMARIES` in a tuple."""

MAX_ITEMS: Final = 1_000
"""A longer list is summarised."""

SUMMARIES: Final = ("length", "mean", "minimum", "maximum", "text")

_ExpandList: TypeAlias = Callable[[Path, "list[Sequence[Any]]"], bool]


@dataclass(frozen=True)
class Layout:
    """Which columns there are.

    Attributes
    ----------
    paths
        Of every column, in the order in which the training records show them.
    expanded
        Of the lists with a column for each item; other lists are summarised.
    """

    paths: tuple[Path, ...]
    expanded: frozenset[Path]

    @classmethod
    def learn(cls, records: Sequence[Mapping[str, Any]]) -> tuple[Layout, dict[Path, list[Any]]]:
        """Return the layout of training records, and their columns.

        A list is expanded where it has one length, of at most `MAX_ITEMS`, in all records that have it.
        """
        expanded: set[Path] = set()

        def expand(path: Path, lists: list[Sequence[Any]]) -> bool:
            if len(set(map(len, lists))) == 1 and 1 <= len(lists[0]) <= MAX_ITEMS:
                expanded.add(path)
            return path in expanded

        columns = dict(_columns((), list(records), expand))
        return cls(tuple(columns), frozenset(expanded)), columns

    def read(self, records: Sequence[Mapping[str, Any]]) -> dict[Path, list[Any]]:
        """Return the columns of any records: those of the layout, and after them those it does not know."""
        found = dict(_columns((), list(records), lambda path, _: path in self.expanded))
        missing = [None] * len(records)
        return {path: found.pop(path, missing) for path in self.paths} | found

    def names(self) -> dict[Path, str]:
        """Return a name for each path, such as `a.b[0]`, with the keys quoted where that is ambiguous."""
        plain = {path: path_name(path) for path in self.paths}
        if len(set(plain.values())) == len(plain):
            return plain
        return {path: path_name(path, quote=repr) for path in self.paths}


def path_name(path: Path, quote: Callable[[str], str] = str) -> str:
    """Return a path as text.

    Examples
    --------
    >>> path_name(("net", "layers", 0)), path_name(("widths", ("mean",)))
    ('net.layers[0]', 'widths: mean')
    """
    name = ""
    for place, part in enumerate(path):
        if isinstance(part, int):
            name += f"[{part}]"
        elif isinstance(part, tuple):
            name += f": {part[0]}"
        else:
            name += ("." if place else "") + quote(part)
    return name


def _columns(path: Path, cells: list[Any], expand: _ExpandList) -> Iterator[tuple[Path, list[Any]]]:
    """Yield the columns of scalars that a column of any values holds, with None where one is missing."""
    types = set(map(type, cells))  # to look at each cell's type once is what makes wide tables fast
    mappings = tuple(kind for kind in types if issubclass(kind, Mapping))
    lists = tuple(kind for kind in types if issubclass(kind, (list, tuple)))
    if mappings:
        yield from _columns_of_mappings(path, cells, mappings, expand)
    if lists:
        yield from _columns_of_lists(path, cells, lists, expand)
    nested = mappings + lists
    scalars = [None if isinstance(cell, nested) or is_missing(cell) else cell for cell in cells]
    if path and (not nested or any(cell is not None for cell in scalars)):
        yield path, scalars


def _columns_of_mappings(
    path: Path, cells: list[Any], kinds: tuple[type, ...], expand: _ExpandList
) -> Iterator[tuple[Path, list[Any]]]:
    held: list[Any] = [cell if isinstance(cell, kinds) else {} for cell in cells]
    keys = dict.fromkeys(key for mapping in held for key in mapping)
    if len(set(map(str, keys))) < len(keys):
        raise DataError(
            f"keys that are written alike, such as {_written_alike(keys)}",
            expected="names that are texts, each once",
            mend="rename the fields",
        )
    for key in keys:
        yield from _columns((*path, str(key)), [mapping.get(key) for mapping in held], expand)


def _written_alike(keys: Iterable[Any]) -> str:
    first: dict[str, Any] = {}
    return next(
        f"{first[str(key)]!r} and {key!r}" for key in keys if first.setdefault(str(key), key) is not key
    )


def _columns_of_lists(
    path: Path, cells: list[Any], kinds: tuple[type, ...], expand: _ExpandList
) -> Iterator[tuple[Path, list[Any]]]:
    lists: list[Any] = [cell for cell in cells if isinstance(cell, kinds)]
    if expand(path, lists):
        held: list[Any] = [cell if isinstance(cell, kinds) else () for cell in cells]
        for place in range(max(map(len, lists))):
            items = [items[place] if place < len(items) else None for items in held]
            yield from _columns((*path, place), items, expand)
        return
    summaries = [_summary(cell) if isinstance(cell, kinds) else {} for cell in cells]
    for name in SUMMARIES:
        yield from _columns((*path, (name,)), [summary.get(name) for summary in summaries], expand)


def _summary(items: Any) -> dict[str, Any]:
    """Return the `SUMMARIES` of a list: the numbers among its items in three, all other items as one text."""
    present = [item for item in items if not is_missing(item)]
    values = [number(item) if is_number(item) or isinstance(item, bool) else None for item in present]
    numbers = [value for value in values if value is not None]
    words = [_phrase(item) for item, value in zip(present, values, strict=True) if value is None]
    summary: dict[str, Any] = {"length": len(items), "text": " ".join(words) if words else None}
    if numbers:
        summary |= {"mean": sum(numbers) / len(numbers), "minimum": min(numbers), "maximum": max(numbers)}
    return summary


def _phrase(item: Any) -> str:
    """Return an item of a list in words, whatever it holds."""
    if isinstance(item, Mapping):
        return " ".join(f"{key}={_phrase(value)}" for key, value in item.items())
    if isinstance(item, (list, tuple)):
        return " ".join(map(_phrase, item))
    check_types("a list", [item])
    return "" if is_missing(item) else written(item)
