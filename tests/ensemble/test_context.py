"""What the representations of one fit share."""

from __future__ import annotations

import numpy as np

from embedreg.ensemble._context import Context
from embedreg.ensemble._tabular_inputs import FeatureRanks, Features
from embedreg.features import TabularFeatures

RECORDS = [{"lr": float(i), "opt": "adam" if i % 2 else "sgd"} for i in range(8)]


def test_traditional_features_are_learnt_once_a_fit(monkeypatch):
    learnt = []
    fit = TabularFeatures.fit
    monkeypatch.setattr(TabularFeatures, "fit", lambda self, X, y=None: learnt.append(1) or fit(self, X, y))

    context = Context().of_fit(RECORDS)
    shared = [way.learn(RECORDS, context).transform(RECORDS) for way in (Features, FeatureRanks)]
    assert len(learnt) == 1

    alone = [way.learn(RECORDS, Context()).transform(RECORDS) for way in (Features, FeatureRanks)]
    assert len(learnt) == 3
    for one, other in zip(shared, alone, strict=True):
        np.testing.assert_array_equal(one, other)


def test_other_records_have_features_of_their_own():
    context = Context().of_fit(RECORDS)
    others = [{"width": 1.0}, {"width": 2.0}]

    assert Features.learn(others, context).transform(others).shape == (2, 1)
