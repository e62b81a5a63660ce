from __future__ import annotations

import numpy as np
import pytest

from embedreg.ensemble._context import Context
from embedreg.ensemble._representations import REPRESENTATIONS, why_not
from embedreg.ensemble._text_inputs import text_fields

NAMES = [
    "red wine of the north",
    "white wine",
    "a cider",
    "ale",
    "pale ale",
    "stout",
    "perry",
    "mead",
    "port",
    "sake",
]
RECORDS = [
    {"name": f"{NAMES[i % 10]} {i}", "price": 3.0 + i % 7, "year": 1990 + i, "organic": bool(i % 2)}
    for i in range(40)
]
TEXTS = [record["name"] for record in RECORDS]


@pytest.fixture
def context(tiny_bert):
    return Context({"model": str(tiny_bert), "cache": False})


@pytest.mark.parametrize("name", REPRESENTATIONS)
@pytest.mark.parametrize("records", [RECORDS, TEXTS], ids=["fields", "texts"])
def test_one_record_is_represented_as_among_many(name, records, context):
    learnt = REPRESENTATIONS[name].cls.learn(records, context)
    many = learnt.transform(records)
    alone = np.vstack([learnt.transform([record]) for record in records[:3]])
    assert np.isfinite(many).all()
    assert np.allclose(alone, many[:3], atol=1e-5)


@pytest.mark.parametrize("name", REPRESENTATIONS)
def test_a_saved_representation_is_the_same_to_the_last_bit(name, context):
    way = REPRESENTATIONS[name].cls
    learnt = way.learn(RECORDS, context)
    again = way.from_state(learnt.state(), context)
    assert np.array_equal(again.transform(RECORDS), learnt.transform(RECORDS))


def test_fields_with_texts_are_those_of_many_kinds():
    assert text_fields(RECORDS) == [("name",)]
    assert text_fields(TEXTS) == [()]
    assert text_fields([{"kind": "ab"[i % 2], "n": i} for i in range(30)]) == []
    assert text_fields([{"a": {"b": f"text {i}"}} for i in range(30)]) == [("a", "b")]


def test_a_field_that_is_missing_or_blank_is_a_dash(context):
    fields = REPRESENTATIONS["fields"].cls.learn(RECORDS, context)
    missing, blank, dash = fields.transform([{"price": 1.0}, {"name": " "}, {"name": "-"}])
    assert np.array_equal(missing, dash)
    assert np.array_equal(blank, dash)


@pytest.mark.parametrize(
    ("name", "records", "said"),
    [
        ("text of ranks", TEXTS, "no field has numbers"),
        ("text", TEXTS, "one field"),
        ("fields", [{"n": i} for i in range(20)], "no field has texts"),
        ("features", TEXTS, None),
        ("features and fields", TEXTS, None),
    ],
)
def test_what_is_of_no_use_is_said(name, records, said):
    reason = why_not(name, records, Context())
    assert reason == said if said is None else said in reason
