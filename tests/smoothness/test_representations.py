"""The embedding against traditional features, on a user's records."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import sklearn

from embedreg.core.errors import DataError, UsageError
from embedreg.features import TabularFeatures
from embedreg.smoothness import compare_smoothness, nlfd, smoothness_gap_interval
from embedreg.text_embedder import TextEmbedder


@pytest.fixture
def embedder(tiny_bert):
    return TextEmbedder(tiny_bert)


def records(n):
    rng = np.random.default_rng(0)
    found = [
        {"rate": float(rng.uniform()), "layers": int(rng.integers(1, 9)), "kind": "ab"[i % 2]}
        for i in range(n)
    ]
    return found, np.array([10 * r["rate"] + r["layers"] for r in found])


def test_one_record_has_no_neighbours(embedder):
    with pytest.raises(DataError, match="at least 2, to compare neighbours; to mend: give more data"):
        compare_smoothness(*records(1), embedder)


def test_it_is_made_of_the_parts_that_stand_alone(embedder):
    given, y = records(40)
    found = compare_smoothness(given, y, embedder, splits=3, seed=5)
    embedded = embedder.transform(given)
    features = TabularFeatures(random_state=5).fit(given).transform(given)
    np.testing.assert_array_equal(found.distributions["embedding"].factors, nlfd(embedded, y).factors)
    np.testing.assert_array_equal(found.distributions["tabular"].factors, nlfd(features, y).factors)
    assert found.gap == smoothness_gap_interval(features, embedded, y, splits=3, seed=5)
    assert (found.records, len(found.rows), found.sampled, found.distinct_inputs) == (40, 40, False, 40)


def test_at_most_so_many_rows_are_used(embedder):
    given, y = records(40)
    found = compare_smoothness(given, y, embedder, max_rows=25, splits=2)
    assert (found.records, len(found.rows), found.sampled) == (40, 25, True)
    assert len(set(found.rows)) == 25
    np.testing.assert_array_equal(found.y, y[found.rows])
    other = compare_smoothness(given, y, embedder, max_rows=25, splits=2, seed=1)
    assert other.rows.tolist() != found.rows.tolist()


def test_equal_records_are_counted(embedder):
    given, y = records(20)
    found = compare_smoothness(given * 2, np.concatenate([y, y + 1]), embedder, splits=2)
    assert found.distinct_inputs == 20
    assert [d.repeated for d in found.distributions.values()] == [40, 40]
    assert [d.without_factor for d in found.distributions.values()] == [0, 0]


def test_all_records_equal(embedder):
    found = compare_smoothness([{"a": 1}] * 6, np.arange(6.0), embedder)
    assert math.isnan(found.gap.gap)
    assert "undefined" in found.sentence
    assert "predicts nothing" in found.prediction


def test_texts_will_do(embedder):
    given = [f"the model trains with {i} layers" for i in range(30)]
    found = compare_smoothness(given, np.arange(30.0), embedder, splits=2)
    assert math.isfinite(found.gap.low)


def test_the_scaling_is_handed_on(embedder):
    given, y = records(20)
    found = compare_smoothness(given, y, embedder, scaling="paper", splits=2)
    assert {d.scaling for d in found.distributions.values()} == {"paper"}


def test_what_cannot_be_compared_is_refused(embedder):
    given, y = records(5)
    with pytest.raises(UsageError, match="max_rows=1"):
        compare_smoothness(given, y, embedder, max_rows=1)
    with pytest.raises(DataError, match="5 records"):
        compare_smoothness(given, y[:-1], embedder)
    with pytest.raises(DataError, match="1 records"):
        compare_smoothness(given[:1], y[:1], embedder)


@pytest.mark.parametrize("output", ["default", "pandas"])
def test_a_table_is_records_too(embedder, output):
    given, y = records(30)
    expected = compare_smoothness(given, y, embedder, splits=2)

    with sklearn.config_context(transform_output=output):
        found = compare_smoothness(pd.DataFrame(given), y, embedder, splits=2)

    assert found.gap == expected.gap
    for name, vectors in expected.vectors.items():
        np.testing.assert_array_equal(found.vectors[name], vectors)
