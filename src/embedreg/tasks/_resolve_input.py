"""Deciding what of a file's rows is the input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from embedreg.core.errors import DataError, UsageError
from embedreg.core.warn import warn
from embedreg.tasks._input_spec import InputSpec, check_columns
from embedreg.tasks.formats import open_source

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from embedreg.core.records import Value
    from embedreg.tasks.formats import Source


def resolve_input(
    path: Path, *, target: str | None = None, text: str | None = None, columns: Sequence[str] | None = None
) -> InputSpec:
    """Decide what of a file's rows is the input.

    Parameters
    ----------
    path
        A file in one of `FORMATS`.
    target
        The column to predict, if there is one.
    text
        The column whose text is the input.
    columns
        The columns that are the input. Without it and `text` all but the target are. If that leaves one
        column with a text in every row, or in every row a mapping, then that is the input itself.

    Raises
    ------
    UsageError
        If a column is unknown or has two parts to play, or `path` names no file of rows.
    DataError
        If the file cannot be read, or has no column for the input.
    """
    source = open_source(path)
    if text is not None and columns is not None:
        raise UsageError("both a text column and columns", expected="one of the two", mend="leave out one")
    if columns is not None:  # as in "a, b"
        columns = [name if name in source.names else name.strip() for name in columns]
    chosen = (text,) if text is not None else columns
    check_columns([name for name in (target, *(chosen or ())) if name is not None], source.names, path)
    if chosen is not None:
        _check_chosen(chosen, target)
    if text is not None:
        return InputSpec(target, text=text)
    if columns is not None:
        return InputSpec(target, columns=tuple(columns))
    return _all_but_the_target(source, target)


def _check_chosen(chosen: Sequence[str], target: str | None) -> None:
    if target in chosen:
        raise UsageError(
            f"the target {target!r} among the inputs",
            expected="other columns than the one to predict",
            mend="leave it out of the inputs",
        )
    if not chosen or len(set(chosen)) < len(chosen):
        raise UsageError(
            f"the input columns {list(chosen)}",
            expected="at least one, and each once",
            mend="correct --columns",
        )


def _all_but_the_target(source: Source, target: str | None) -> InputSpec:
    names = tuple(name for name in source.names if name != target)
    if not names:
        raise DataError(
            f"no column but the target in {source.path}", expected="a column for the input", mend="add one"
        )
    if "" in names:
        warn(
            f"a column without a name in {source.path} is an input; if it is an index, choose with --columns"
        )
    if len(names) == 1:
        kinds = {_kind(source.value(row.cells.get(names[0]))) for row in source.rows()}
        if kinds == {"text"}:
            return InputSpec(target, text=names[0])
        if kinds == {"mapping"}:
            return InputSpec(target, unwrap=names[0])
    return InputSpec(target, columns=names if source.common_names.issuperset(names) else None)


def _kind(value: Value) -> str:
    if isinstance(value, str):
        return "text"
    return "mapping" if isinstance(value, Mapping) else "other"
