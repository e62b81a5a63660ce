from __future__ import annotations

import datetime as dt
import math
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from embedreg.core.errors import DataError, EmbedregWarning, UsageError
from embedreg.core.protocols import SavedState
from embedreg.core.records import as_records
from embedreg.core.warn import each_once
from embedreg.features import TabularFeatures

RECORDS = [
    {
        "lr": 10.0 ** -(i % 5),
        "opt": ["sgd", "adam", "lion"][i % 3],
        "net": {"depth": i, "widths": [i, 2 * i], "bias": i % 2 == 0},
        "max_features": "sqrt" if i % 4 == 0 else i / 10,
        "blocks": ["conv", "pool"][: i % 3],
        "day": f"2024-0{1 + i % 9}-11",
        "note": f"run {i} of the long night of the cluster, seen {i * i} times",
        "constant": 7,
        "never": None,
    }
    | ({"momentum": 0.1 * i} if i % 3 == 0 else {})
    for i in range(20)
]


def names(features):
    return list(features.get_feature_names_out())


def column(features, records, name):
    return features.transform(records)[:, names(features).index(name)]


def saved_and_read(features):
    return TabularFeatures.from_state(
        SavedState.from_files("features", features.state().to_files("features"))
    )


@pytest.fixture(scope="module")
def fitted():
    return TabularFeatures(text_components=3).fit(RECORDS)


def test_every_kind_in_one_record(fitted):
    kinds = {entry["field"]: entry["kind"] for entry in fitted.describe()}
    assert kinds == {
        "lr": "number",
        "opt": "category",
        "net.depth": "number",
        "net.widths[0]": "number",
        "net.widths[1]": "number",
        "net.bias": "boolean",
        "max_features": "mixed",
        "blocks: length": "number",
        "blocks: mean": "empty",
        "blocks: minimum": "empty",
        "blocks: maximum": "empty",
        "blocks: text": "category",
        "day": "date",
        "note": "text",
        "constant": "number",
        "never": "empty",
        "momentum": "number",
    }
    X = fitted.transform(RECORDS)
    assert X.shape == (20, len(names(fitted)))
    assert X.dtype == np.float64
    assert (np.ptp(X, axis=0) > 0).all()


def test_describe_says_what_was_made_of_each_field(fitted):
    about = {entry["field"]: entry for entry in fitted.describe()}
    assert about["momentum"]["columns"] == ["momentum", "momentum: missing"]
    assert about["momentum"]["missing"] == pytest.approx(13 / 20)
    assert about["max_features"]["columns"] == ["max_features", "max_features=sqrt"]
    assert about["constant"]["columns"] == about["never"]["columns"] == []
    assert about["day"]["columns"] == ["day: month", "day: weekday", "day: day of year", "day: time"]
    assert [name for entry in fitted.describe() for name in entry["columns"]] == names(fitted)


def test_levels_that_are_grouped_are_named():
    features = TabularFeatures(min_frequency=2).fit([{"c": level} for level in "aaabbcd"])
    assert features.describe()[0]["grouped"] == ["c", "d"]
    assert names(features) == ["c=a", "c=b", "c: rare"]


@pytest.mark.parametrize("training", ["ab", "aaabbbc"])
def test_unseen_categories_need_no_warning_where_training_had_rare_ones(training):
    features = TabularFeatures().fit([{"c": level} for level in training])
    new = [{"c": "z"}, {"c": "y"}]
    np.testing.assert_array_equal(features.transform(new)[:, :2], np.zeros((2, 2)))
    assert not features.lacking(new).any()


def test_an_unseen_category_is_warned_of_where_training_had_no_rare_ones():
    records = [{"c": level, "x": x} for x, level in enumerate("aaabbb")]
    features = TabularFeatures().fit(records)
    new = [{"c": "z", "x": 1}, {"c": "a", "x": 2}]
    with pytest.warns(
        EmbedregWarning, match=r"categories that training did not have.*: 'c' \(in 1 of 2 records\)"
    ):
        np.testing.assert_array_equal(features.transform(new)[:, :2], [[0, 0], [1, 0]])
    assert features.lacking(new).tolist() == [True, False]
    loaded = TabularFeatures.from_state(features.state())
    assert loaded.lacking(new).tolist() == [True, False]


@pytest.mark.parametrize(
    ("training", "few_once"),
    [("a" * 10 + "b" * 10 + "c", True), ("abcdefgh" * 2, True), ("aaab" * 5 + "cd", False)],
)
def test_an_unseen_category_says_little_where_hardly_any_was_seen_once(training, few_once):
    features = TabularFeatures().fit([{"c": level, "x": x} for x, level in enumerate(training)])
    assert features.lacking([{"c": "z", "x": 1}, {"c": "a", "x": 2}]).tolist() == [few_once, False]


def test_a_training_record_held_out_lacks_what_no_other_has():
    training = [{"c": level, "x": x or None} for x, level in enumerate("a" * 12 + "b" * 12 + "c")]
    features = TabularFeatures().fit(training)
    assert np.flatnonzero(features.lacking(training, held_out=True)).tolist() == [0, 24]
    assert np.flatnonzero(features.lacking(training)).tolist() == [0]


def test_missing_values_are_marked_and_put_at_the_mean():
    features = TabularFeatures().fit(
        [{"a": 1.0, "b": 1}, {"a": math.nan, "b": 2}, {"b": 3}, {"a": 3.0, "b": 4}]
    )
    assert names(features) == ["a", "a: missing", "b"]
    np.testing.assert_array_equal(
        features.transform([{"b": 2.5}, {"a": 2.0, "b": 2.5}]), [[0, 1, 0], [0, 0, 0]]
    )


def test_a_field_that_was_never_missing_in_training_may_be_later_with_a_warning():
    features = TabularFeatures().fit([{"a": 1, "b": 1}, {"a": 3}])
    new = [{}, {"a": None}, {"a": math.inf}, {"a": 2}]
    with pytest.warns(EmbedregWarning) as caught:
        np.testing.assert_array_equal(features.transform(new)[:, 0], [0, 0, 0, 0])
    assert (
        "without a value, which each training record had, counted as missing: 'a' (in 2 of 4 records)"
        in str(caught[0].message)
    )
    assert "of another kind than in training, counted as missing: 'a' (in 1 of 4 records)" in str(
        caught[1].message
    )
    np.testing.assert_array_equal(features.lacking(new), [True, True, True, False])


def test_numbers_are_the_same_whether_or_not_they_are_spelt():
    """As an array of mixed rows, `read_csv(dtype=str)` and JSON with quoted numbers give them."""
    values = [0.5, 1, None, -3, math.inf, 12, *range(20)]
    plain = [{"a": value} for value in values]
    spelt = [{"a": "nan" if value is None else str(value)} for value in values]
    features, of_spelt = TabularFeatures().fit(plain), TabularFeatures().fit(spelt)
    assert [field["kind"] for field in of_spelt.describe()] == ["number"]
    for records in (plain, spelt):
        np.testing.assert_array_equal(of_spelt.transform(records), features.transform(plain))
        np.testing.assert_array_equal(features.transform(records), features.transform(plain))


@pytest.mark.parametrize("word", ["", " ", "NA", "nan"])
@pytest.mark.parametrize("training", [["1", "2"], [1, 2], ["2024-01-01", "2024-01-02"]])
def test_a_word_for_a_missing_value_is_one_where_the_field_has_no_words(training, word):
    features = TabularFeatures().fit([{"a": cell} for cell in training])
    with pytest.warns(EmbedregWarning, match="without a value"):
        assert not features.transform([{"a": word}]).any()
    gaps = TabularFeatures().fit([{"a": cell} for cell in [*training, word]])
    assert names(gaps)[-1] == "a: missing"
    assert gaps.describe()[0]["missing"] == pytest.approx(1 / 3)


def test_nothing_is_lacking_where_there_are_no_fields_or_records():
    assert TabularFeatures().fit([{}, {}]).lacking([{}, {"a": 1}]).tolist() == [False, False]
    assert TabularFeatures().fit([{"a": 1}, {"a": 2}]).lacking([]).tolist() == []


def test_one_warning_names_the_fields_that_training_did_not_have(fitted):
    new = RECORDS[0] | {"zeta": 1, "eta": {"theta": "x"}, "iota": [1, 2], "kappa": None, "lambda": {}}
    with pytest.warns(EmbedregWarning) as caught:
        X = fitted.transform([new, RECORDS[1]])
    assert len(caught) == 1
    assert caught[0].filename == __file__
    message = str(caught[0].message)
    assert (
        "'zeta' (in 1 of 2 records), 'eta.theta' (in 1 of 2 records), 'iota' (in 1 of 2 records)" in message
    )
    assert "kappa" not in message
    assert "lambda" not in message
    np.testing.assert_array_equal(X, fitted.transform(RECORDS[:2]))


def test_batches_of_one_call_warn_of_a_field_once_however_many_records_of_each_have_the_problem():
    features = TabularFeatures().fit([{"a": i, "b": i % 5} for i in range(20)])
    batches = [[{"a": 1}, {"a": 1, "b": 2}], [{"a": 1}, {"b": 2}], [{}, {}, {}]]
    with pytest.warns(EmbedregWarning) as caught, each_once():
        [features.transform(batch) for batch in batches]
    said = [str(warning.message).rpartition(": ")[2] for warning in caught]
    assert said == ["'b' (in 1 of 2 records)", "'a' (in 1 of 2 records)"]


def test_a_long_list_of_fields_is_cut_and_counted():
    features = TabularFeatures().fit([{"a": 1}, {"a": 2}])
    with pytest.warns(EmbedregWarning, match="'f9' .* and 5 more$"):
        features.transform([{"a": 1} | {f"f{i}": 1 for i in range(15)}])


@pytest.mark.parametrize(
    ("training", "later", "missing"),
    [
        ([1, 2, None], "many", True),
        ([1, 2, None], math.inf, True),
        ([1, 2, None], "1", False),
        ([True, False, None], "perhaps", True),
        (["2024-01-01", "2024-02-01", None], "soon", True),
        (["2024-01-01", "2024-02-01", None], dt.date(2024, 1, 1), False),
        (["a", "b", None], 5, False),
        ([None, None, None], "something", None),
    ],
)
def test_a_value_of_another_kind_counts_as_missing_with_a_warning(training, later, missing):
    features = TabularFeatures().fit([{"a": cell} for cell in training])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        X = features.transform([{"a": later}])
    assert [("another kind" in str(w.message) and "'a'" in str(w.message)) for w in caught] == [True] * (
        missing is not False
    )
    if missing is not None:
        assert X[0, names(features).index("a: missing")] == missing


def test_far_values_are_bounded_with_a_warning():
    features = TabularFeatures().fit([{"a": 0.0}, {"a": 1.0}])
    with pytest.warns(EmbedregWarning, match=r"1,000,000 training deviations.*'a' \(in 2 of 3 records\)"):
        X = features.transform([{"a": 1e299}, {"a": -1e299}, {"a": 1e5}])
    np.testing.assert_allclose(X.ravel(), [1e6, -1e6, 2e5 - 1])


def test_no_feature_at_all_gives_one_column_of_zeros():
    for records in ([{}], [{"a": 1}, {"a": 1}], [{"a": None}], ["same", "same"]):
        features = TabularFeatures().fit(records)
        np.testing.assert_array_equal(features.transform(records), np.zeros((len(records), 1)))
        assert names(features) == ["constant"]


def test_texts_are_one_free_text_field_however_few_differ():
    features = TabularFeatures().fit(["red", "blue", "red", "blue"])
    assert [(entry["field"], entry["kind"]) for entry in features.describe()] == [("text", "text")]
    X = features.transform(["red", "blue"])
    assert (X[0] != X[1]).any()


def test_texts_where_training_had_mappings_are_refused_and_the_other_way_round(fitted):
    with pytest.raises(DataError, match="mappings from names to values, as in training"):
        fitted.transform(["text"])
    with pytest.raises(DataError, match="expected texts"):
        TabularFeatures().fit(["a", "b"]).transform([{"text": "a"}])


def test_no_records_to_transform_gives_no_rows(fitted):
    assert fitted.transform([]).shape == (0, len(names(fitted)))


def test_no_training_records_are_refused():
    with pytest.raises(DataError, match="no records"):
        TabularFeatures().fit([])


@pytest.mark.parametrize(
    "parameters",
    [
        {"max_categories": 0},
        {"min_frequency": 0.5},
        {"text_components": True},
        {"random_state": -1},
        {"random_state": None},
    ],
)
def test_parameters_out_of_range_are_refused_by_name(parameters):
    with pytest.raises(UsageError, match=next(iter(parameters))):
        TabularFeatures(**parameters).fit(RECORDS)


def test_a_value_without_features_is_refused_in_training_and_later(fitted):
    with pytest.raises(DataError, match="type bytes in field 'a'"):
        TabularFeatures().fit([{"a": b"raw"}])
    with pytest.raises(DataError, match="type bytes in field 'lr'"):
        fitted.transform([{"lr": b"raw"}])


def test_unfitted():
    for method in ("get_feature_names_out", "describe", "state"):
        with pytest.raises(NotFittedError):
            getattr(TabularFeatures(), method)()
    with pytest.raises(NotFittedError):
        TabularFeatures().transform(RECORDS)


def test_tables_arrays_and_records_give_the_same():
    frame = pd.DataFrame(
        {"a": [1.0, None, 3.0], "c": ["x", "y", "x"], "d": pd.to_datetime(["2024-01-01", "2024-05-01", None])}
    )
    records = as_records(frame)
    expected = TabularFeatures().fit_transform(records.items)
    np.testing.assert_array_equal(TabularFeatures().fit_transform(frame), expected)
    np.testing.assert_array_equal(TabularFeatures().fit_transform(records), expected)
    array = np.array([[1.0, 2.0], [3.0, np.nan]])
    assert names(TabularFeatures().fit(array)) == ["x0", "x1: missing"]


def test_a_saved_one_is_exactly_equal(fitted):
    again = saved_and_read(fitted)
    np.testing.assert_array_equal(again.transform(RECORDS), fitted.transform(RECORDS))
    assert names(again) == names(fitted)
    assert again.describe() == fitted.describe()
    assert again.get_params() == fitted.get_params()
    assert again.state().to_files("x") == fitted.state().to_files("x")


def test_numpy_parameters_can_be_saved():
    features = TabularFeatures(text_components=np.int64(2)).fit(["a b", "b c", "c d"])
    np.testing.assert_array_equal(saved_and_read(features).transform(["a"]), features.transform(["a"]))


def test_scikit_learn_conventions(fitted):
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert not hasattr(copy, "fields_")
    frame = clone(fitted).set_output(transform="pandas").fit(RECORDS).transform(RECORDS)
    assert list(frame.columns) == names(fitted)
    predictions = make_pipeline(TabularFeatures(), Ridge()).fit(RECORDS, np.arange(20.0)).predict(RECORDS)
    assert np.corrcoef(predictions, np.arange(20.0))[0, 1] > 0.9


def test_fitting_changes_nothing_in_the_records():
    before = repr(RECORDS)
    TabularFeatures().fit(RECORDS).transform(RECORDS)
    assert repr(RECORDS) == before


def test_wide_and_small():
    rng = np.random.default_rng(0)
    wide = rng.normal(size=(20, 2_000))
    X = TabularFeatures().fit_transform(wide)
    np.testing.assert_allclose(X, (wide - wide.mean(axis=0)) / wide.std(axis=0))


def test_duplicate_records_give_equal_rows():
    X = TabularFeatures().fit_transform(RECORDS + RECORDS)
    np.testing.assert_array_equal(X[:20], X[20:])


@pytest.mark.parametrize("form", ["{:,}", "€{}.50", "{},25"])
def test_numbers_in_another_spelling_are_warned_of(form):
    records = [{"price": form.format(1000 + 7 * i)} for i in range(60)]
    with pytest.warns(EmbedregWarning, match="'price' is read as words, though it looks like numbers"):
        TabularFeatures().fit(records)


@pytest.mark.parametrize("form", ["{},3", "code {}", "{}"])
def test_other_words_are_not_warned_of(form, recwarn):
    TabularFeatures().fit([{"size": form.format(i % 4 + 1), "n": i} for i in range(60)])
    assert not recwarn
