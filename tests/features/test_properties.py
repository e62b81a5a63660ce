"""What holds for any records whatever."""

from __future__ import annotations

import datetime as dt
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedreg.core.errors import EmbedregWarning
from embedreg.core.protocols import SavedState
from embedreg.features import TabularFeatures

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(),
    st.sampled_from(["a", "b", "1.5", "2024-01-01", ""]),
    st.text(),
    st.dates(),
    st.times(),
    st.timedeltas(),
    st.datetimes(timezones=st.none() | st.just(dt.UTC) | st.just(dt.timezone(-dt.timedelta(hours=12)))),
)
KEYS = st.sampled_from(["a", "b", "a.b", "[0]", "", "é"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=5,
)
MAPPINGS = st.lists(st.dictionaries(KEYS, VALUES, max_size=4), min_size=1, max_size=8)
# one kind of value a field, so that each kind of column is met often
COLUMNS = st.sampled_from(
    [
        st.integers(),
        st.floats(),
        st.floats().map(str),
        st.builds("{}{}".format, st.floats(), st.sampled_from(["MB", " kB", "GiB"])) | st.just(0),
        st.booleans(),
        st.sampled_from("abc"),
        st.text(),
        st.datetimes(),
    ]
)
TABLES = st.lists(COLUMNS, min_size=1, max_size=3).flatmap(
    lambda kinds: st.lists(
        st.fixed_dictionaries({}, optional={f"x{i}": kind | st.none() for i, kind in enumerate(kinds)}),
        min_size=1,
        max_size=12,
    )
)
TEXTS = st.lists(st.text(), min_size=1, max_size=8)
RECORDS = st.one_of(MAPPINGS, TABLES, TEXTS)
FORMS = st.one_of(st.tuples(MAPPINGS, MAPPINGS), st.tuples(TABLES, TABLES), st.tuples(TEXTS, TEXTS))


def transform(features, records):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EmbedregWarning)  # any records may hold what training did not
        return features.transform(records)


@given(FORMS)
def test_features_are_finite_in_single_precision_and_of_the_named_width(pair):
    training, later = pair
    features = TabularFeatures().fit(training)
    X = transform(features, later)
    assert X.shape == (len(later), len(features.get_feature_names_out()))
    assert X.shape[1] >= 1
    assert np.isfinite(X.astype(np.float32)).all()


@given(RECORDS)
def test_training_records_need_no_warning(records):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TabularFeatures().fit_transform(records)


@given(FORMS, st.randoms(use_true_random=False))
def test_a_row_depends_on_its_record_alone(pair, random):
    training, later = pair
    features = TabularFeatures().fit(training)
    together = transform(features, later)
    alone = np.vstack([transform(features, [record]) for record in later])
    np.testing.assert_array_equal(together, alone)
    order = random.sample(range(len(later)), len(later))
    np.testing.assert_array_equal(transform(features, [later[row] for row in order]), together[order])


@given(FORMS)
def test_transforming_learns_nothing(pair):
    training, later = pair
    features = TabularFeatures().fit(training)
    before = features.state().to_files("f")
    transform(features, later)
    assert features.state().to_files("f") == before


@given(FORMS)
def test_a_saved_one_is_exactly_equal(pair):
    training, later = pair
    features = TabularFeatures().fit(training)
    again = TabularFeatures.from_state(SavedState.from_files("f", features.state().to_files("f")))
    np.testing.assert_array_equal(transform(again, later), transform(features, later))
    assert again.describe() == features.describe()
    assert list(again.get_feature_names_out()) == list(features.get_feature_names_out())


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20))
def test_standardised_numbers_keep_their_order(values):
    features = TabularFeatures().fit([{"a": value} for value in values])
    if "a" not in features.get_feature_names_out():
        assert len(set(values)) == 1
        return
    column = features.transform([{"a": value} for value in values])[:, 0]
    assert (np.diff(column[np.argsort(values)]) >= 0).all()
    assert column.mean() == pytest.approx(0, abs=1e-6)


@settings(max_examples=30)
@given(RECORDS)
def test_fitting_twice_gives_the_same(records):
    first = TabularFeatures().fit(records).state().to_files("f")
    assert TabularFeatures().fit(records).state().to_files("f") == first
