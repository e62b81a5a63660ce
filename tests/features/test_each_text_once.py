"""Features of texts are remembered for the time of one piece of work."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from embedreg.core.each_text_once import each_text_once
from embedreg.features import TabularFeatures

TEXTS = ["a red car", "a blue car", "red and blue", "a red house", "green"]
OTHERS = ["no car", "a red roof", "blue", "green grass"]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of texts whose n-grams were counted."""
    counts: list[int] = []
    transform = TfidfVectorizer.transform

    def counting(self: TfidfVectorizer, texts: list[str]) -> object:
        counts.append(len(texts))
        return transform(self, texts)

    monkeypatch.setattr(TfidfVectorizer, "transform", counting)
    return counts


def test_n_grams_are_counted_once_and_features_are_what_they_would_have_been(counted):
    features = TabularFeatures().fit(TEXTS)
    alone = features.transform(OTHERS)
    counted.clear()
    with each_text_once():
        found = [features.transform(OTHERS), features.transform(list(OTHERS))]
        features.lacking(OTHERS)
        features.transform(TEXTS)
    assert counted == [len(OTHERS), len(TEXTS)]
    for block in found:
        np.testing.assert_array_equal(block, alone)


def test_what_a_caller_does_with_features_changes_no_others():
    features = TabularFeatures().fit(TEXTS)
    with each_text_once():
        features.transform(OTHERS)[:] = 0
        again = features.transform(OTHERS)
    np.testing.assert_array_equal(again, features.transform(OTHERS))


def test_other_training_texts_are_other_features():
    one, other = TabularFeatures().fit(TEXTS), TabularFeatures().fit(OTHERS)
    with each_text_once():
        found = [features.transform(TEXTS) for features in (one, other)]
    np.testing.assert_array_equal(found[0], one.transform(TEXTS))
    np.testing.assert_array_equal(found[1], other.transform(TEXTS))


def test_nothing_is_remembered_afterwards(counted):
    features = TabularFeatures().fit(TEXTS)
    counted.clear()
    for _ in range(2):
        with each_text_once():
            features.transform(OTHERS)
    assert counted == [len(OTHERS)] * 2
