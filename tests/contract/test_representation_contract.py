"""What every representation promises, whatever way it takes from records to vectors."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.base import clone

from embedreg.core.protocols import Representation, SavedState
from embedreg.features import TabularFeatures

REPRESENTATIONS = {"tabular": lambda: TabularFeatures(text_components=4)}
RECORDS = {
    "mappings": [{"lr": 0.1 * i, "opt": "ab"[i % 2], "net": {"depth": i % 4}} for i in range(24)],
    "conditional": [{"a": i} if i % 2 else {"b": f"level {i % 3}"} for i in range(24)],
    "texts": [f"C{'C' * (i % 5)}O{i}" for i in range(24)],
    "one field": [{"x": i} for i in range(24)],
    "one record": [{"x": 1.0}],
    "nothing": [{} for _ in range(24)],
    "nothing known": [{"x": None} for _ in range(24)],
    "duplicates": [
        {"x": i % 2, "t": "a longer text of which there are two" * (1 + i % 2)} for i in range(24)
    ],
    "non-ASCII": [{"größe": i, "色": "红绿"[i % 2]} for i in range(24)],
}


@pytest.fixture(params=REPRESENTATIONS)
def representation(request):
    return REPRESENTATIONS[request.param]()


@pytest.fixture(params=RECORDS)
def records(request):
    return RECORDS[request.param]


def test_is_a_representation(representation):
    assert isinstance(representation, Representation)


def test_fit_returns_itself_and_takes_y(representation, records):
    assert representation.fit(records, np.zeros(len(records))) is representation


def test_one_finite_row_a_record(representation, records):
    X = representation.fit(records).transform(records)
    assert X.ndim == 2
    assert len(X) == len(records)
    assert X.shape[1] >= 1
    assert np.isfinite(X).all()
    assert np.issubdtype(X.dtype, np.floating)


def test_a_row_depends_on_its_record_alone(representation, records):
    X = representation.fit(records).transform(records)
    np.testing.assert_array_equal(representation.transform(records[::-1]), X[::-1])
    np.testing.assert_array_equal(representation.transform(records[:1]), X[:1])


def test_y_changes_nothing(representation, records):
    X = clone(representation).fit(records, np.arange(len(records))).transform(records)
    np.testing.assert_array_equal(representation.fit(records).transform(records), X)


def test_fitting_again_forgets(representation, records):
    expected = clone(representation).fit(records).transform(records)
    representation.fit([{"other": value} for value in (1, 2, 3)])
    np.testing.assert_array_equal(representation.fit(records).transform(records), expected)


def test_a_saved_one_is_exactly_equal(representation, records):
    representation.fit(records)
    state = SavedState.from_files("part", representation.state().to_files("part"))
    again = type(representation).from_state(state)
    np.testing.assert_array_equal(again.transform(records), representation.transform(records))


def test_training_records_raise_no_warning(representation, records):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        representation.fit(records).transform(records)
