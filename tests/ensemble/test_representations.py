from __future__ import annotations

import numpy as np
import pytest

from embedreg.ensemble._context import Context
from embedreg.ensemble._ngrams import NGrams
from embedreg.ensemble._representations import REPRESENTATIONS, why_not
from embedreg.ensemble._text_fields import text_fields

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


def test_ngrams_tell_upper_case_from_lower_and_count_what_repeats(context):
    ngrams = NGrams.learn(["CCO", "cco", "CCCCO", "cccco"], context)
    assert {"C", "c", "CC", "O", "CCO"} <= set(ngrams.terms[0])
    row = dict(zip(ngrams.terms[0], ngrams.transform(["CCCCO"])[0], strict=True))
    assert row["C"] == 2
    assert row["CC"] == pytest.approx(np.sqrt(3))
    assert row["c"] == 0


def test_ngrams_of_texts_that_share_nothing_or_are_blank(context):
    assert NGrams.learn(["ab", "xy"], context).transform(["ab", "q"]).tolist()[1] == [0.0] * 6
    assert np.isfinite(NGrams.learn(["", " "], context).transform(["a", ""])).all()


def test_ngrams_are_so_many_at_most_of_all_fields(context, monkeypatch):
    monkeypatch.setattr("embedreg.ensemble._ngrams._MOST_TERMS", 9)
    records = [{"a": f"text {i}", "b": f"word {i}"} for i in range(20)]
    assert NGrams.learn(records, context).transform(records).shape == (20, 8)


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
