"""The verdict's sentence in every case."""

from __future__ import annotations

import dataclasses

import pytest

from embedreg.core.errors import UsageError
from embedreg.study._verdict import combination_sentence, verdict
from embedreg.study.result import Difference, Interval, MethodResult

TABULAR = "tabular + xgboost"


def method(name, tau, difference=None, half_width=0.05, seeds=5):
    representation, _, head = name.partition(" + ")
    interval = Interval(tau, tau - half_width, tau + half_width, [tau] * seeds)
    return MethodResult(name, representation, head, 8, {"kendall_tau": interval}, difference, [], 1.0)


def sentence(embedding_tau, tabular_tau, *, p, half_width=0.05, seeds=5, head="ridge"):
    mean = embedding_tau - tabular_tau
    difference = Difference(TABULAR, mean, mean - half_width, mean + half_width, p / 5, p)
    embedding = method(f"embedding + {head}", embedding_tau, difference, seeds=seeds)
    return verdict(embedding, method(TABULAR, tabular_tau, seeds=seeds))


def test_the_embedding_wins():
    assert sentence(0.74, 0.62, p=0.004) == (
        "The embedding with ridge beats traditional features (Kendall tau 0.74): the best traditional method, XGBoost, "
        "is 0.12 [0.07, 0.17] behind, which is unlikely to be chance (adjusted p = 0.004)."
    )


def test_traditional_features_win():
    assert sentence(0.62, 0.74, p=0.0004) == (
        "Traditional features with XGBoost beat the embedding (Kendall tau 0.74): the best embedding method, ridge, "
        "is 0.12 [0.07, 0.17] behind, which is unlikely to be chance (adjusted p < 0.001)."
    )


def test_the_embedding_is_ahead_by_what_could_be_chance():
    assert sentence(0.74, 0.70, p=0.21, head="mlp") == (
        "The embedding with the MLP is ahead "
        "(Kendall tau 0.74 against 0.70 for traditional features with XGBoost), "
        "but the difference of 0.04 [-0.01, 0.09] could be chance (adjusted p = 0.21)."
    )


def test_traditional_features_are_ahead_by_what_could_be_chance():
    assert sentence(0.70, 0.74, p=0.21) == (
        "Traditional features with XGBoost are ahead "
        "(Kendall tau 0.74 against 0.70 for the embedding with ridge), "
        "but the difference of 0.04 [-0.01, 0.09] could be chance (adjusted p = 0.21)."
    )


def test_level():
    assert sentence(0.7402, 0.7401, p=0.9, half_width=0.03) == (
        "The embedding with ridge and traditional features with XGBoost are level "
        "(Kendall tau 0.74 and 0.74): the difference, 0.00 [-0.03, 0.03], could be chance (adjusted p = 0.9)."
    )


def test_a_sure_difference_can_be_too_small():
    assert "level" in sentence(0.742, 0.740, p=0.001, half_width=0.001)
    assert "0.00 [0.00, 0.00], is too small to matter (adjusted p = 0.001)" in sentence(
        0.742, 0.740, p=0.001, half_width=0.001
    )


def test_neither():
    assert sentence(0.03, 0.04, p=0.8) == (
        "Neither is shown to predict better than chance: Kendall tau is 0.03 [-0.02, 0.08] for the best embedding method, "
        "ridge, and 0.04 [-0.01, 0.09] for the best traditional one, XGBoost."
    )


def test_one_better_than_chance_is_enough_for_a_winner():
    assert sentence(0.3, 0.01, p=0.01).startswith("The embedding with ridge beats traditional features")


@pytest.mark.parametrize(("p", "half_width"), [(0.2, 0.05), (0.01, 0.2)])
def test_both_the_test_and_the_interval_must_agree(p, half_width):
    found = sentence(0.8, 0.7, p=p, half_width=half_width)
    assert "could be chance" in found
    assert ("as the interval holds zero" in found) == (p < 0.05)


def test_a_single_seed_is_named():
    assert sentence(0.8, 0.6, p=0.02, seeds=1).endswith("(adjusted p = 0.02, from one split only).")


@pytest.mark.parametrize("against", [None, "tabular + ridge"])
def test_the_difference_must_be_against_the_best_traditional_method(against):
    difference = Difference(against, 0.1, 0.0, 0.2, 0.1, 0.1) if against else None
    with pytest.raises(UsageError, match=r"its difference against tabular \+ xgboost"):
        verdict(method("embedding + ridge", 0.5, difference), method(TABULAR, 0.4))


CHOSEN = [
    {"effort": "best", "members": [{"kind": "embedding", "weight": w}, {"kind": "tabular", "weight": 1 - w}]}
    for w in (0.2, 0.4)
]


def combined(tau, tabular_tau, *, p, half_width=0.05, chosen=CHOSEN):
    mean = tau - tabular_tau
    difference = Difference(TABULAR, mean, mean - half_width, mean + half_width, p / 5, p)
    combination = dataclasses.replace(method("combination", tau, difference), chosen=chosen)
    return combination_sentence(combination, method(TABULAR, tabular_tau))


def test_the_combination_is_ahead():
    assert combined(0.78, 0.71, p=0.01) == (
        "The combination that `embedreg fit --effort best` makes: Kendall tau 0.78, 0.07 [0.02, 0.12] ahead of "
        "traditional features with XGBoost, which is unlikely to be chance (adjusted p = 0.01). "
        "Members that read embeddings have 30% of the weight."
    )


def test_the_combination_is_behind_by_what_could_be_chance():
    assert (
        "Kendall tau 0.70, 0.04 [-0.01, 0.09] behind traditional features with XGBoost, which could be chance "
        "(adjusted p = 0.3)."
    ) in combined(0.70, 0.74, p=0.3)


def test_the_combination_is_level():
    assert (
        "Kendall tau 0.74, level with traditional features with XGBoost: the difference, 0.00 [-0.05, 0.05], "
        "could be chance (adjusted p = 0.9)."
    ) in combined(0.7402, 0.74, p=0.9)
    assert "is too small to matter" in combined(0.742, 0.74, p=0.001, half_width=0.001)


def test_the_combination_may_be_no_better_than_chance():
    assert "makes predicts no better than chance: Kendall tau 0.03 [-0.02, 0.08]. Members" in combined(
        0.03, 0.02, p=0.9
    )


def test_a_combination_without_embeddings_is_called_so():
    without = [{"effort": "fast", "members": [{"kind": "tabular", "weight": 1.0}]}]
    assert combined(0.8, 0.7, p=0.01, chosen=without).endswith("No member that reads embeddings is in it.")


def test_a_combination_that_tried_no_embeddings_is_called_so():
    members = [{"kind": "tabular", "weight": 1.0}]
    without = [{"effort": "fast", "members": members, "embeddings_tried": False}]
    assert "no member that reads embeddings is tried" in combined(0.8, 0.7, p=0.01, chosen=without)


def test_the_combination_is_compared_with_the_best_traditional_method():
    combination = dataclasses.replace(method("combination", 0.5), chosen=CHOSEN)
    with pytest.raises(UsageError, match="combination compared with nothing"):
        combination_sentence(combination, method(TABULAR, 0.4))
