"""What of a row is the input."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from embedreg.core.errors import DataError, UsageError, unknown_name
from embedreg.core.records import MAX_TEXT_BYTES
from embedreg.core.texts import cell_fault, text_error, too_long
from embedreg.tasks.formats import format_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from pathlib import Path

    from embedreg.core.protocols import Json
    from embedreg.core.records import Record, Value
    from embedreg.tasks.formats import Row

Cell = TypeVar("Cell")
_INPUTS_SHOWN: Final = 8
_KNOWN_SHOWN: Final = 40


@dataclass(frozen=True)
class InputSpec:
    """How a row of a file becomes a record. Decided once, on the training file, and saved beside the model.

    At most one of `text`, `unwrap` and `columns` is given. Without any, the record is every cell but the
    target's, whatever names the row has (JSON Lines whose rows differ in their names).

    Attributes
    ----------
    target
        The column to predict, which is never an input.
    text
        The column whose text is the record.
    unwrap
        The column whose mapping is the record.
    columns
        The columns that make up the record. A row of JSON Lines may lack some.
    is_saved
        Whether it was read back, so that a file has to have its columns and no other choice can be made.

    Examples
    --------
    >>> InputSpec("y", columns=("rate", "depth")).describe()
    "columns 'rate', 'depth'"
    >>> InputSpec.from_json({"target": "y", "text": "review"})
    InputSpec(target='y', text='review', unwrap=None, columns=None)
    """

    target: str | None
    text: str | None = None
    unwrap: str | None = None
    columns: tuple[str, ...] | None = None
    is_saved: bool = field(default=False, compare=False, repr=False)

    def record(self, row: Row, value: Callable[[Any], Value]) -> Record:
        """Return the record of a row.

        Parameters
        ----------
        row
            A row of a file.
        value
            What a cell of that file means (`Format.value`). A text is taken as it stands in the file.

        Raises
        ------
        DataError
            If the row's text or mapping is missing or of another type, a cell is binary, or a text in it cannot be written or is
            too long.
        """
        if self.text is not None:
            return _of_type(str, "text", row, self.text)
        if self.unwrap is not None:
            mapping = _of_type(dict, "mapping", row, self.unwrap)
            _check_texts(mapping, self.unwrap, row)
            return mapping
        names = [name for name in row.cells if name != self.target] if self.columns is None else self.columns
        return _mapping(row, names, value)

    def without(self, record: Record, name: str) -> Record:
        """Return a record of `record` without a column that is another target, where it is made of whatever names a row has.

        Examples
        --------
        >>> InputSpec("y").without({"a": 1, "truth": 2.0}, "truth")
        {'a': 1}
        >>> InputSpec("y", unwrap="x").without({"a": 1, "truth": 2.0}, "truth")
        {'a': 1, 'truth': 2.0}
        """
        if isinstance(record, str) or self.needs():
            return record
        return {key: value for key, value in record.items() if key != name}

    def needs(self) -> tuple[str, ...]:
        """Return the columns that a file must have."""
        if self.text is not None:
            return (self.text,)
        return (self.unwrap,) if self.unwrap is not None else self.columns or ()

    def describe(self) -> str:
        """Return what the input is, in words."""
        if self.text is not None:
            return f"the text in column {self.text!r}"
        if self.unwrap is not None:
            return f"the mapping in column {self.unwrap!r}"
        if self.columns is None:
            return "each row's own names" + (f" but {self.target!r}" if self.target is not None else "")
        return f"column{'s' if len(self.columns) > 1 else ''} {_listed(self.columns, _INPUTS_SHOWN)}"

    def to_json(self) -> dict[str, Json]:
        """Return it as JSON values, without what is not given."""
        fields: dict[str, Json] = {"target": self.target, "text": self.text, "unwrap": self.unwrap}
        if self.columns is not None:
            fields["columns"] = list(self.columns)
        return {name: field for name, field in fields.items() if field is not None}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> InputSpec:
        """Read back what `to_json` gave."""
        columns = tuple(fields["columns"]) if "columns" in fields else None
        return cls(fields.get("target"), fields.get("text"), fields.get("unwrap"), columns, is_saved=True)


def check_columns(
    needed: Iterable[str], known: Collection[str], path: Path, *, of_model: bool = False
) -> None:
    """Refuse names that are no columns, with the nearest that are; or, `of_model`, those that a saved model reads.

    Raises
    ------
    UsageError
        For the first name that is not known.
    DataError
        If that is so because the file is not of the format that its name says.
    """
    for name in needed:
        if name not in known:
            if doubt := format_of(path).doubt(known, path):
                raise doubt
            if of_model:
                same = _same(name, known)
                raise UsageError(
                    f"no column {name!r} in {path}, which the model was fitted on",
                    expected=f"all columns of its input; there are {_listed(known, _KNOWN_SHOWN)}",
                    mend=f"rename {same[0]!r} to {name!r}"
                    if same
                    else "add the column, its cells empty where there is no value; or fit without it",
                )
            raise UsageError(
                f"no column {name!r} in {path}",
                expected=f"one of {_listed(known, _KNOWN_SHOWN)}",
                mend=_nearest(name, known),
            )


def _nearest(name: str, known: Collection[str]) -> str:
    same = _same(name, known)
    return f"did you mean {same[0]!r}?" if same else unknown_name("column", name, known).mend


def _same(name: str, known: Collection[str]) -> list[str]:
    """Return the names that differ by capitals and blanks alone."""
    return [other for other in known if other.strip().casefold() == name.strip().casefold()]


def _listed(names: Collection[str], most: int) -> str:
    more = len(names) - most
    return ", ".join(map(repr, list(names)[:most])) + (f" and {more} more" if more > 0 else "")


def _of_type(kind: type[Cell], wanted: str, row: Row, name: str) -> Cell:
    cell = row.cells.get(name)
    if isinstance(cell, kind):
        return cell
    missing = cell is None or (isinstance(cell, float) and math.isnan(cell))
    got = "nothing" if missing else f"a value of type {type(cell).__name__}"
    raise DataError(
        f"{got} as the {wanted} in column {name!r} at {row.place}",
        expected=f"a {wanted} in every row",
        mend="fill in or drop those rows" if missing else "use --columns for values that are not text",
    )


def _mapping(row: Row, names: Iterable[str], value: Callable[[Any], Value]) -> dict[str, Value]:
    record = {}
    length = 0
    for name in names:
        if name not in row.cells:
            continue
        record[name] = found = value(row.cells[name])
        if isinstance(found, bytes):
            raise DataError(
                f"binary data in column {name!r} at {row.place}",
                expected="numbers, texts, truth values, dates, lists or mappings",
                mend="name the other columns with --columns",
            )
        if not isinstance(found, (int, float)):  # most cells of most files are numbers
            _check_texts(found, name, row)
            length += len(found) if isinstance(found, str) else 0
    if length > MAX_TEXT_BYTES:
        raise too_long(f"all columns at {row.place}")
    return record


def _check_texts(cell: object, name: str, row: Row) -> None:
    if (fault := cell_fault(cell)) is not None:
        raise text_error(fault, f"column {name!r} at {row.place}")
