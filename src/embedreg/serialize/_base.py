"""What all serializers share: the walk through a record, and the text of a single value."""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import NoneType
from typing import TYPE_CHECKING, Any, ClassVar, Final

from embedreg.core.errors import DataError
from embedreg.core.records import native
from embedreg.core.texts import broken_character
from embedreg.serialize._fields import deeper, field_error, ordered_keys, quote
from embedreg.serialize._numbers import DEFAULT_NUMBERS, parse_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embedreg.core.protocols import Json
    from embedreg.core.records import Record
    from embedreg.serialize._fields import Key, Path
    from embedreg.serialize._numbers import NumberFormat

_MICROSECOND: Final = dt.timedelta(microseconds=1)
_SCALARS: Final = frozenset({str, NoneType, bool, Decimal, dt.date, dt.datetime, dt.time, dt.timedelta})


@dataclass(frozen=True)
class TextSerializer(ABC):
    """Base of the serializers. A new one takes a name, how it joins mappings and lists, and a registry line.

    Parameters
    ----------
    numbers
        How numbers are written: "significant:N", "decimals:N" or "as_is".

    Raises
    ------
    UsageError
        If `numbers` is none of these.

    Notes
    -----
    What the serializers have in common:

    - Keys are in natural order (x2 before x10) at every level.
    - Whole numbers below 2**64 in magnitude are written in full, whatever their type; -0.0 is 0.
    - None and NaN are null; booleans are true and false; Infinity and -Infinity are written so.
    - Texts are quoted as in JSON, so that "5" is not 5, and letters of every alphabet stay as they are.
    - Dates and times are quoted in ISO 8601 form, and so the same as the str that reads like them.
    - A datetime with a time zone is brought to UTC, as it equals the same moment in any other zone.
    - A duration is its number of seconds.
    - Numpy scalars and arrays are the Python values they stand for.
    """

    numbers: str = DEFAULT_NUMBERS
    name: ClassVar[str]

    def __post_init__(self) -> None:
        parse_numbers(self.numbers)

    def __call__(self, record: Record) -> str:
        """Return the text of a mapping; a text is returned as it is.

        Raises
        ------
        DataError
            If a value is of a type that has no text (bytes, set, ...), with the path of its field.
        """
        if isinstance(record, str):
            return record
        if not isinstance(record, Mapping):
            raise DataError(
                f"a record of type {type(record).__name__}",
                expected="a text, or a mapping from names to values",
                mend="bring the data to records first: embedreg.core.records.as_records",
            )
        return self._record(record, parse_numbers(self.numbers))

    def settings(self) -> dict[str, Json]:
        """Return what `make_serializer` needs to build an equal serializer."""
        return {"name": self.name, "numbers": self.numbers}

    @abstractmethod
    def _mapping_text(self, keys: Sequence[Key], texts: Sequence[str]) -> str:
        """Join the texts of a mapping's values."""

    @abstractmethod
    def _list_text(self, texts: Sequence[str]) -> str:
        """Join the texts of a list's items."""

    def _record(self, record: Mapping[str, Any], number: NumberFormat) -> str:
        return self._mapping(record, number, ())

    def _mapping(self, mapping: Mapping[str, Any], number: NumberFormat, path: Path) -> str:
        keys = ordered_keys(mapping, path)
        return self._mapping_text(
            keys, [self._value(mapping[key.raw], number, path, key.raw) for key in keys]
        )

    def _list(self, items: Sequence[Any], number: NumberFormat, path: Path) -> str:
        return self._list_text([self._value(item, number, path, place) for place, item in enumerate(items)])

    def _value(self, value: Any, number: NumberFormat, path: Path, place: object) -> str:
        """Return the text of the value at `place` below `path`, commonest types first."""
        kind = type(value)
        if kind is float or kind is int:
            return number(value) if value == value else _scalar_text(None, number, path)  # noqa: PLR0124 (NaN alone differs)
        if kind in _SCALARS:
            return _scalar_text(value, number, (*path, place))
        if isinstance(value, (dict, Mapping)):  # dict by itself only because it is faster
            return self._mapping(value, number, deeper(path, place))
        if isinstance(value, (list, tuple)):
            return self._list(value, number, deeper(path, place))
        plain = native(value)
        if isinstance(plain, list):  # of a numpy array
            return self._list(plain, number, deeper(path, place))
        return _scalar_text(plain, number, (*path, place))


def _scalar_text(value: Any, number: NumberFormat, path: Path) -> str:
    if isinstance(value, str):
        return _checked_quote(value, path)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (float, int, Decimal)):
        return "null" if isinstance(value, Decimal) and value.is_nan() else number(value)
    if isinstance(value, dt.timedelta):
        return number(Decimal(f"{value // _MICROSECOND}e-6"))
    if isinstance(value, (dt.date, dt.time)):
        return f'"{_moment_text(value, path)}"'
    raise field_error(
        type(value).__name__,
        path,
        expected="None, a bool, number, text, date, time or duration, or a list or mapping of such",
        mend="turn it into one of those, or leave the field out",
    )


def _checked_quote(text: str, path: Path) -> str:
    broken = broken_character(text)
    if broken is None:
        return quote(text)
    raise field_error(
        broken, path, expected="text that can be written as UTF-8", mend="repair or remove that character"
    )


def _moment_text(moment: dt.date | dt.time, path: Path) -> str:
    """Write a date, a time of day or both, in UTC if it knows its zone: equal moments get equal texts."""
    if isinstance(moment, dt.datetime) and moment.utcoffset() is not None:
        try:
            moment = moment.astimezone(dt.UTC)
        except OverflowError as error:  # at either end of the calendar
            raise field_error(
                f"{moment.isoformat()}, which in UTC is outside of the years 1 to 9999",
                path,
                expected="a moment within these years",
                mend="write None for a time that is not known",
            ) from error
    elif isinstance(moment, dt.time) and moment.utcoffset() is not None:
        raise field_error(
            "a time of day with an offset from UTC",
            path,
            expected="a time of day without one, or a datetime",
            mend="drop the offset: time.replace(tzinfo=None)",
        )
    return moment.isoformat()
