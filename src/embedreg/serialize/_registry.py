"""The serializers by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from embedreg.core.errors import DataError, UsageError, unknown_name
from embedreg.core.protocols import Serializer
from embedreg.serialize._json import JsonSerializer
from embedreg.serialize._json_values import JsonValuesSerializer
from embedreg.serialize._key_value import KeyValueSerializer
from embedreg.serialize._numbers import DEFAULT_NUMBERS
from embedreg.serialize._values import ValuesSerializer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from embedreg.core.records import Record
    from embedreg.serialize._base import TextSerializer

DEFAULT_SERIALIZER: Final = "json"

SERIALIZERS: Final[dict[str, type[TextSerializer]]] = {
    "json": JsonSerializer,
    "json_values": JsonValuesSerializer,
    "key_value": KeyValueSerializer,
    "values": ValuesSerializer,
}


def make_serializer(
    name: str | Serializer = DEFAULT_SERIALIZER, numbers: str = DEFAULT_NUMBERS
) -> Serializer:
    """Return the serializer of that name.

    Parameters
    ----------
    name
        One of `SERIALIZERS`, or a serializer, which is returned as it is.
    numbers
        How numbers are written: "significant:N" (the default is "significant:4"), "decimals:N" or "as_is". A
        serializer given as `name` has its own.

    Raises
    ------
    UsageError
        If the name or the number format is unknown, or a serializer given as `name` has another one.

    Examples
    --------
    >>> make_serializer("key_value", "decimals:2")({"lr": 0.12345, "act": "relu"})
    'act="relu", lr=0.12'
    """
    if isinstance(name, Serializer) and not isinstance(name, type):
        return _with_its_own_numbers(name, numbers)
    if not isinstance(name, str) or name not in SERIALIZERS:
        raise unknown_name("serializer", name, SERIALIZERS)
    return SERIALIZERS[name](numbers)


def serialize_records(serializer: Serializer, records: Iterable[Record], *, first_row: int = 0) -> list[str]:
    """Return the text of each record.

    Parameters
    ----------
    serializer
        From `make_serializer`.
    records
        n records.
    first_row
        Number of the first one in the caller's data, for messages.

    Raises
    ------
    DataError
        If a record cannot be written, with its row.
    UsageError
        If the serializer returns what is no text.

    Examples
    --------
    >>> serialize_records(make_serializer("values"), [{"lr": 0.1}, {"lr": 0.2}])
    ['0.1', '0.2']
    """
    texts: list[str] = []
    for row, record in enumerate(records, first_row):
        try:
            text = serializer(record)
        except DataError as error:
            raise DataError(f"{error.got}, row {row}", expected=error.expected, mend=error.mend) from error
        except Exception as error:  # of a serializer of the user's
            error.add_note(f"while {type(serializer).__name__} wrote row {row}")
            raise
        if not isinstance(text, str):
            raise UsageError(
                f"{text!r} from the serializer {type(serializer).__name__}, row {row}",
                expected="a text",
                mend="let it return a str for every record",
            )
        texts.append(text)
    return texts


def is_rebuilt_by_name(serializer: Serializer) -> bool:
    """Return whether `make_serializer` builds an equal one from the name and the numbers in its settings.

    Examples
    --------
    >>> class Shouting(JsonSerializer):
    ...     def __call__(self, record):
    ...         return super().__call__(record).upper()
    >>> is_rebuilt_by_name(JsonSerializer()), is_rebuilt_by_name(Shouting())
    (True, False)
    """
    settings = serializer.settings()
    return settings.keys() == {"name", "numbers"} and type(serializer) is SERIALIZERS.get(
        str(settings["name"])
    )


def _with_its_own_numbers(serializer: Serializer, numbers: str) -> Serializer:
    given: Any = serializer  # of a user, whose class may keep to no protocol
    settings = given.settings() if callable(given.settings) else None
    if not isinstance(settings, Mapping):
        raise UsageError(
            f"no settings() of {serializer!r}",
            expected="a method settings() that returns a dict of JSON values",
            mend="add it; return {} where there are none (docs/extending.md)",
        )
    own = settings.get("numbers", numbers)
    if numbers not in {DEFAULT_NUMBERS, own}:
        raise UsageError(
            f"numbers={numbers!r} with {serializer!r}",
            expected="the number format of the serializer itself",
            mend="give the serializer by its name, or leave `numbers` out",
        )
    return serializer
