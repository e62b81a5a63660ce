"""The text of a single value is the same in every serializer."""

from __future__ import annotations

import datetime as dt
import enum
import types
from collections import ChainMap, OrderedDict, namedtuple
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from embedreg.core.errors import DataError
from embedreg.serialize import SERIALIZERS, make_serializer

UTC = dt.UTC
PARIS = dt.timezone(dt.timedelta(hours=2))


class Colour(enum.StrEnum):
    RED = "red"


class Size(enum.IntEnum):
    SMALL = 1


class Plain(enum.Enum):
    A = 1


SCALARS = [
    (None, "null"),
    (True, "true"),
    (False, "false"),
    (3, "3"),
    (3.0, "3"),
    (0.5, "0.5"),
    (float("nan"), "null"),
    (float("inf"), "Infinity"),
    (Decimal("0.10"), "0.1"),
    (Size.SMALL, "1"),
    ("relu", '"relu"'),
    ("5", '"5"'),
    ("", '""'),
    (" ", '" "'),
    ('say "hi"\n\t\\', r'"say \"hi\"\n\t\\"'),
    ("\x01\x7f", '"\\u0001\x7f"'),
    ("naïve 東京 🙂", '"naïve 東京 🙂"'),
    (r"\u0000", r'"\\u0000"'),
    (Colour.RED, '"red"'),
    (dt.date(2024, 2, 29), '"2024-02-29"'),
    (dt.datetime(2024, 2, 29, 13, 5), '"2024-02-29T13:05:00"'),
    (dt.datetime(2024, 2, 29, 13, 5, 0, 7), '"2024-02-29T13:05:00.000007"'),
    (dt.datetime(2024, 2, 29, 13, 5, tzinfo=PARIS), '"2024-02-29T11:05:00+00:00"'),
    (dt.time(13, 5), '"13:05:00"'),
    (dt.timedelta(hours=1, milliseconds=500), "3600.5"),
    (dt.timedelta(days=-1), "-86400"),
    (dt.timedelta(0), "0"),
    (np.float64(0.1), "0.1"),
    (np.float32(0.1), "0.1"),
    (np.float16(0.1), "0.1"),
    (np.longdouble("0.1"), "0.1"),
    (np.float32("nan"), "null"),
    (np.int8(-3), "-3"),
    (np.uint64(2**64 - 1), "18446744073709551615"),
    (np.bool_(True), "true"),
    (np.str_("a"), '"a"'),
    (np.datetime64("2024-02-29T13:05"), '"2024-02-29T13:05:00"'),
    (np.timedelta64(1500, "ms"), "1.5"),
    (np.datetime64("NaT"), "null"),
    (np.array(7), "7"),
    (pd.Timestamp("2024-02-29 13:05"), '"2024-02-29T13:05:00"'),
    (pd.Timestamp("2024-02-29 13:05", tz="Europe/Paris"), '"2024-02-29T12:05:00+00:00"'),
    (pd.Timedelta("1s"), "1"),
    (pd.NaT, "null"),
    (pd.NA, "null"),
]


@pytest.mark.parametrize(("value", "text"), SCALARS)
def test_scalar(value, text):
    record = {"a": value}
    assert make_serializer("json", "as_is")(record) == f'{{"a": {text}}}'
    assert make_serializer("json_values", "as_is")(record) == f"[{text}]"
    assert make_serializer("key_value", "as_is")(record) == f"a={text}"
    assert make_serializer("values", "as_is")(record) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([], "[]"),
        ([1, [2.5, "a"], None], '[1, [2.5, "a"], null]'),
        ((1, 2), "[1, 2]"),
        (namedtuple("Point", "x y")(1, 2), "[1, 2]"),
        (np.array([[1, 2], [3, 4]]), "[[1, 2], [3, 4]]"),
        (np.array([0.1, np.nan], dtype=np.float32), "[0.1, null]"),
        (np.array([]), "[]"),
        ({}, "{}"),
        ({"b": 1, "a": [{}]}, '{"a": [{}], "b": 1}'),
        (OrderedDict(b=1, a=2), '{"a": 2, "b": 1}'),
        (ChainMap({"b": 1}, {"a": 2}), '{"a": 2, "b": 1}'),
        (types.MappingProxyType({"a": 1}), '{"a": 1}'),
    ],
)
def test_containers(value, text):
    assert make_serializer("json")({"x": value}) == f'{{"x": {text}}}'


def test_equal_moments_in_other_zones_read_the_same():
    moment = dt.datetime(2024, 7, 1, 12, tzinfo=UTC)
    moments = [moment, moment.astimezone(PARIS), moment.astimezone(ZoneInfo("Asia/Tokyo"))]
    assert len({make_serializer()({"t": m}) for m in moments}) == 1
    assert make_serializer()({"t": moment}) != make_serializer()({"t": moment.replace(tzinfo=None)})


def test_a_date_is_the_text_that_reads_like_it():
    assert make_serializer()({"t": dt.date(2024, 1, 2)}) == make_serializer()({"t": "2024-01-02"})


def test_a_long_duration_keeps_its_microseconds():
    assert make_serializer("values", "as_is")({"t": dt.timedelta.max}) == "86399999999999.999999"


@pytest.mark.parametrize("name", SERIALIZERS)
@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (b"raw", "bytes"),
        (bytearray(b"raw"), "bytearray"),
        ({1, 2}, "set"),
        (frozenset(), "frozenset"),
        (1j, "complex"),
        (np.complex128(1j), "complex"),
        (np.bytes_(b"raw"), "bytes"),
        (range(3), "range"),
        (object(), "object"),
        (Plain.A, "Plain"),
        (int, "type"),
        (pd.Period("2024-01"), "Period"),
        (pd.Series([1]), "Series"),
    ],
)
def test_other_types_are_refused_with_the_path_of_the_field(name, value, kind):
    record = {"lr": 0.1, "optimizer": {"name": "adam", "betas": [0.9, value]}}
    with pytest.raises(DataError, match=rf"got {kind} in field optimizer\.betas\[1\];"):
        make_serializer(name)(record)


def test_a_time_of_day_with_an_offset_is_refused():
    with pytest.raises(DataError, match="offset from UTC in field t;"):
        make_serializer()({"t": dt.time(12, tzinfo=UTC)})


def test_times_finer_than_python_holds_are_refused():
    for value in (
        np.datetime64("2024-01-01T00:00:00.000000001"),
        pd.Timestamp(1),
        pd.Timedelta(1, unit="ns"),
    ):
        with pytest.raises(DataError, match="whole microseconds"):
            make_serializer()({"t": value})


@pytest.mark.parametrize("name", SERIALIZERS)
@pytest.mark.parametrize(
    ("bad", "what"), [("a\ud800", "lone surrogate"), ("é\0", "NUL"), ("\0", "NUL"), ("\udfff\0", "")]
)
def test_characters_that_cannot_be_written_are_refused(name, bad, what):
    with pytest.raises(DataError, match=rf"{what}.* in field notes\[0\];") as caught:
        make_serializer(name)({"notes": [bad]})
    str(caught.value).encode()  # the message itself can be printed


@pytest.mark.parametrize("record", [None, 5, ["a"], b"text", {"a"}, [("a", 1)]])
@pytest.mark.parametrize("name", SERIALIZERS)
def test_a_record_is_a_text_or_a_mapping(name, record):
    with pytest.raises(DataError, match=f"a record of type {type(record).__name__};"):
        make_serializer(name)(record)


@pytest.mark.parametrize("name", SERIALIZERS)
def test_a_record_that_holds_itself_is_refused(name):
    endless_list: list[object] = []
    endless_list.append(endless_list)
    endless_mapping: dict[str, object] = {}
    endless_mapping["again"] = endless_mapping
    for record in ({"a": endless_list}, endless_mapping):
        with pytest.raises(DataError, match="more than 100 levels of nesting") as caught:
            make_serializer(name)(record)
        assert len(str(caught.value)) < 600


@pytest.mark.parametrize("name", SERIALIZERS)
def test_deep_but_finite_nesting_is_written(name):
    value: object = 1
    for _ in range(99):
        value = {"a": value}
    assert "1" in make_serializer(name)({"a": value})


@pytest.mark.parametrize("name", SERIALIZERS)
def test_a_decimal_that_is_no_number_is_null(name):
    serializer = make_serializer(name)
    assert serializer({"x": Decimal("NaN")}) == serializer({"x": None})
