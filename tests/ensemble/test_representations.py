from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pytest
from sklearn.metrics import r2_score

from embedreg.core.errors import DataError
from embedreg.ensemble._context import Context
from embedreg.ensemble._ngrams import NGrams
from embedreg.ensemble._representations import REPRESENTATIONS
from embedreg.ensemble._text_fields import text_at, text_fields
from embedreg.features import TabularFeatures
from embedreg.heads import RidgeHead

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
OPERATIONS = ("conv", "pool", "skip")
MANY_FIELDS = [
    {"name": f"{NAMES[i % 10]} {i}"}
    | {f"x{j}": float((i * (j + 3)) % 11) for j in range(9)}
    | {f"layer{j}": OPERATIONS[(i + j * j) % 3] for j in range(8)}
    for i in range(40)
]


@pytest.fixture
def context(tiny_bert):
    return Context({"model": str(tiny_bert), "cache": False})


@pytest.mark.parametrize("name", REPRESENTATIONS)
@pytest.mark.parametrize("records", [RECORDS, TEXTS, MANY_FIELDS], ids=["fields", "texts", "many fields"])
def test_one_record_is_represented_as_among_many(name, records, context):
    learnt = REPRESENTATIONS[name].cls.learn(records, context)
    many = learnt.transform(records)
    alone = np.vstack([learnt.transform([record]) for record in records[:3]])
    assert np.isfinite(many).all()
    assert np.allclose(alone, many[:3], atol=1e-5)


@pytest.mark.parametrize("name", REPRESENTATIONS)
@pytest.mark.parametrize("records", [RECORDS, MANY_FIELDS], ids=["fields", "many fields"])
def test_a_saved_representation_is_the_same_to_the_last_bit(name, records, context):
    way = REPRESENTATIONS[name].cls
    learnt = way.learn(records, context)
    again = way.from_state(learnt.state(), context)
    assert np.array_equal(again.transform(records), learnt.transform(records))


def test_pooled_fields_are_curves_of_numbers_and_counts_of_categories(context):
    pooled = REPRESENTATIONS["pooled fields"].cls.learn(MANY_FIELDS, context).transform(MANY_FIELDS)
    curves, counts = pooled[:, :7], pooled[:, 7:]
    assert np.allclose(curves.sum(axis=1), 1)  # B-splines are shares of one
    expected = [
        [sum(r[f"layer{j}"] == name for j in range(8)) / 8 for name in OPERATIONS] for r in MANY_FIELDS
    ]
    found = counts[:, np.argsort(counts[0])][:, np.argsort(np.argsort(expected[0]))]
    correlations = [np.corrcoef(a, b)[0, 1] for a, b in zip(found.T, np.transpose(expected), strict=True)]
    assert np.allclose(correlations, 1)


def test_pooled_fields_are_the_same_in_batches(context, monkeypatch):
    learnt = REPRESENTATIONS["pooled fields"].cls.learn(MANY_FIELDS, context)
    at_once = learnt.transform(MANY_FIELDS)
    monkeypatch.setattr("embedreg.ensemble._tabular_inputs._CURVED_AT_ONCE", 30)  # three rows of nine numbers
    assert np.allclose(learnt.transform(MANY_FIELDS), at_once, rtol=1e-12)


def test_pooled_fields_do_not_tell_one_field_from_another(context):
    rng = np.random.default_rng(0)
    values = np.array([rng.permutation(60) for _ in range(12)]).T.astype(float)  # each field has all of them
    records = [{f"x{j}": row[j] for j in range(12)} for row in values]
    mixed = [{f"x{j}": v for j, v in enumerate(rng.permutation(row))} for row in values]
    for name, same in (("pooled fields", True), ("feature ranks", False)):
        learnt = REPRESENTATIONS[name].cls.learn(records, context)
        assert np.allclose(learnt.transform(records), learnt.transform(mixed)) is same


def test_what_depends_on_all_fields_alike_is_learnt_from_few_rows(context):
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(300, 60))
    y = (X**2).sum(axis=1)
    records = [{f"x{j}": v for j, v in enumerate(row)} for row in X]
    scores = {}
    for name in ("ranks and pooled fields", "splines"):
        learnt = REPRESENTATIONS[name].cls.learn(records[:100], context)
        ridge = RidgeHead().fit(learnt.transform(records[:100]), y[:100])
        scores[name] = r2_score(y[100:], ridge.predict(learnt.transform(records[100:])))
    assert scores["ranks and pooled fields"] > 0.9
    assert scores["splines"] < 0.6


def test_pooling_takes_eight_fields_that_are_alike():
    for count, said in ((7, "too few fields are alike"), (8, None)):
        records = [{f"x{j}": (i + j) % 5 for j in range(count)} | {"kind": "ab"[i % 2]} for i in range(20)]
        features = TabularFeatures().fit(records)
        for name in ("pooled fields", "ranks and pooled fields"):
            assert REPRESENTATIONS[name].why_not_with(features) == said
        assert REPRESENTATIONS["feature ranks"].why_not_with(features) is None


def test_fields_with_texts_are_those_of_many_kinds():
    assert text_fields(RECORDS) == [("name",)]
    assert text_fields(TEXTS) == [()]
    assert text_fields([{"kind": "ab"[i % 2], "n": i} for i in range(30)]) == []
    assert text_fields([{"a": {"b": f"text {i}"}} for i in range(30)]) == [("a", "b")]


@pytest.mark.parametrize(
    "write",
    [
        str,
        lambda i: f"{i / 7}",
        lambda i: f"{i}MB",
        lambda i: f"{1950 + i}-01-31",
        lambda i: "" if i < 9 else "1",
    ],
)
def test_numbers_quantities_and_dates_are_no_texts_however_they_are_written(write):
    assert text_fields([{"a": write(i)} for i in range(40)]) == []


def test_codes_are_texts_though_some_are_numbers():
    assert text_fields([{"a": f"{i:02}"} for i in range(40)]) == [("a",)]
    assert text_fields([{"a": i if i > 30 else f"{i:02}"} for i in range(40)]) == [("a",)]


def test_whatever_the_order_of_the_records_is_the_same_fields_have_texts_and_numbers():
    """As where records are in the order of time, and a field came later."""
    early = [{"kind": "ab"[i % 2]} for i in range(1100)]
    late = [{"kind": "ab"[i % 2], "note": f"note {i}", "n": i} for i in range(1400)]
    for records in (early + late, late + early):
        assert text_fields(records) == [("note",)]
        assert REPRESENTATIONS["text of ranks"].why_not(records, Context()) is None


@pytest.mark.parametrize(("filled", "found"), [(90, True), (45, True), (10, True), (9, False)])
@pytest.mark.parametrize("gap", [{}, {"note": None}, {"note": math.nan}, {"note": " "}])
def test_a_field_may_have_texts_in_some_of_the_records(filled, found, gap):
    records = [{"n": i} | ({"note": f"note {i}"} if i < filled else gap) for i in range(100)]
    assert text_fields(records) == ([("note",)] if found else [])


def test_a_field_has_texts_if_most_of_its_values_are():
    for numbers, found in ((19, [("a",)]), (20, [])):
        cells = [f"text {i}" for i in range(20)] + list(range(numbers)) + [None] * 40
        assert text_fields([{"a": cell} for cell in cells]) == found


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


@pytest.mark.parametrize("name", ["n-grams", "fields"])
@pytest.mark.parametrize(
    ("text", "value"),
    [("10115", 10115), ("10115", 10115.0), ("0.5", 0.5), ("2024-05-01", dt.date(2024, 5, 1)), ("True", True)],
)
def test_a_field_reads_alike_whether_a_table_made_a_text_or_a_value_of_it(name, text, value, context):
    learnt = REPRESENTATIONS[name].cls.learn(RECORDS, context)
    as_text, as_value, missing = learnt.transform([{"name": text}, {"name": value}, {"name": None}])
    assert np.array_equal(as_value, as_text)
    assert not np.array_equal(as_value, missing)


@pytest.mark.parametrize("value", [None, math.nan, " ", [1, "a"], {"b": 1}])
def test_a_field_without_one_value_is_a_dash(value):
    assert text_at({"a": value}, ("a",)) == "-"


def test_a_text_that_cannot_be_embedded_is_named_by_its_field_and_row(context):
    records = [{"title": f"title {i}", "of": {"body": f"body {i}"}} for i in range(50)]
    wrong = [*records[:7], records[7] | {"of": {"body": "a\0b"}}, *records[8:]]
    said = r"in the text of row 7 in field 'of\.body'"
    with pytest.raises(DataError, match=said):
        REPRESENTATIONS["fields"].cls.learn(wrong, context)
    learnt = REPRESENTATIONS["fields"].cls.learn(records, context)
    with pytest.raises(DataError, match=said):
        learnt.transform(wrong)


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
    reason = REPRESENTATIONS[name].why_not(records, Context())
    assert reason == said if said is None else said in reason
