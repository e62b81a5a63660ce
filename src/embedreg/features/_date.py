"""Dates and times, expanded into what a calendar says."""

from __future__ import annotations

import datetime as dt
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from embedreg.features._column import Block, Column, Settings
from embedreg.features._scaling import mean_and_deviation, standardise

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

_ISO: Final = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?", re.ASCII)
_EPOCH: Final = dt.datetime(1970, 1, 1)
_PARTS: Final = ("year", "month", "day", "weekday", "day of year", "hour", "minute", "second", "time")


@dataclass(frozen=True, eq=False)
class DateColumn(Column):
    """Year, month, day, weekday, day of year, hour, minute, second, and the seconds since 1970; standardised.

    The calendar's parts are as the date is written, in its own time zone. The time is in UTC, for which a
    date without a zone is taken.
    """

    kind: ClassVar[str] = "date"
    mean: Block
    deviation: Block

    @classmethod
    def fit(cls, cells: Sequence[Any], _settings: Settings, /) -> Self:
        return cls(*mean_and_deviation(_calendar([read_date(cell) for cell in cells])))

    def read(self, cell: Any) -> dt.datetime | None:
        return read_date(cell)

    def suffixes(self) -> list[str]:
        return [f": {part}" for part in _PARTS]

    def encode(self, values: Sequence[dt.datetime | None]) -> Block:
        return standardise(_calendar(values), self.mean, self.deviation)


def read_date(cell: Any) -> dt.datetime | None:
    """Return a date, or a text that spells one by ISO 8601, as a datetime; None for anything else.

    Examples
    --------
    >>> read_date("2024-02-29T12:30Z").isoformat()
    '2024-02-29T12:30:00+00:00'
    >>> read_date("20240229") is None  # a number as likely as a date
    True
    """
    if isinstance(cell, dt.datetime):
        return cell
    if isinstance(cell, dt.date):
        return dt.datetime(cell.year, cell.month, cell.day)
    if not isinstance(cell, str) or not _ISO.fullmatch(cell.strip()):
        return None
    try:
        return dt.datetime.fromisoformat(cell.strip())
    except ValueError:
        return None


def _calendar(dates: Sequence[dt.datetime | None]) -> Block:
    """Return the calendar's parts, shape (n, 9), with NaN for None."""
    missing = (math.nan,) * len(_PARTS)
    return np.array([missing if date is None else _parts(date) for date in dates], dtype=np.float64).reshape(
        -1, 9
    )


def _parts(date: dt.datetime) -> tuple[float, ...]:
    second = date.second + date.microsecond / 1e6
    offset = date.utcoffset() or dt.timedelta()
    seconds = (date.replace(tzinfo=None) - _EPOCH - offset).total_seconds()
    day_of_year = date.timetuple().tm_yday
    return (
        date.year,
        date.month,
        date.day,
        date.weekday(),
        day_of_year,
        date.hour,
        date.minute,
        second,
        seconds,
    )
