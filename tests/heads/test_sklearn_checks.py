"""scikit-learn's own checks, for every head."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from embedreg.heads import MeanHead, MLPHead, RidgeHead, XGBoostHead

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

HELD_OUT = "the held-out rows are drawn by position, so that repeating rows draws others"
LEAVE_ONE_OUT = "leaving out one of two equal rows is not leaving out a row of weight two"

EXPECTED_FAILURES = {
    "XGBoostHead": {
        "check_sample_weight_equivalence_on_dense_data": HELD_OUT,
    },
    "RidgeHead": {
        "check_sample_weight_equivalence_on_dense_data": LEAVE_ONE_OUT,
    },
}
FAST_MLP = MLPHead(hidden=(32,), learning_rates=(1e-2,), weight_decays=(0.0,), max_epochs=60)


def expected_failures(estimator: BaseEstimator) -> dict[str, str]:
    return EXPECTED_FAILURES.get(type(estimator).__name__, {})


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")  # checks that do not apply say so
@parametrize_with_checks(
    [RidgeHead(), FAST_MLP, XGBoostHead(max_rounds=60), MeanHead()],
    expected_failed_checks=expected_failures,
)
def test_scikit_learn_contract(estimator: BaseEstimator, check: object) -> None:
    check(estimator)
