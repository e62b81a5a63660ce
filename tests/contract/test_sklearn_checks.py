"""scikit-learn's own checks, which give numeric arrays."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks
from word_hashes import WordHashes

from embedreg import EmbeddingRegressor, TextEmbedder

BLIND = (
    "hashes of words know nothing of how near two numbers are, so nothing can be learnt from numeric arrays"
)
WEIGHTS = "leaving out one of two equal rows is not leaving out a row of weight two"
MEMBERS = "members that take no weights are left out where there are some"


def expected_failures(estimator):
    if isinstance(estimator, TextEmbedder):
        return {}
    if estimator.head == "auto":
        return {
            "check_sample_weight_equivalence_on_dense_data": MEMBERS,
            "check_sample_weight_equivalence_on_sparse_data": MEMBERS,
        }
    failures = {"check_sample_weight_equivalence_on_dense_data": WEIGHTS}
    return failures | ({"check_regressors_train": BLIND} if estimator.representation == "auto" else {})


@pytest.fixture
def few_members(small_members: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep one small member of each representation and head: most checks fit many times."""
    from embedreg.ensemble import _members

    kept = {(member.representation, member.head): member for member in reversed(_members.MEMBERS)}
    monkeypatch.setattr(_members, "MEMBERS", tuple(kept.values()))


@pytest.mark.usefixtures("few_members")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")  # checks that do not apply say so
@pytest.mark.filterwarnings(
    "ignore:word-hashes gives:embedreg.core.errors.EmbedregWarning"
)  # 1, 2 and 2, 1 are alike
@parametrize_with_checks(
    [
        EmbeddingRegressor(model=WordHashes(), cache=False, head="ridge"),
        EmbeddingRegressor(representation="tabular", head="ridge"),
        EmbeddingRegressor(model=WordHashes(), cache=False, effort="fast"),
        TextEmbedder(model=WordHashes(), cache=False),
    ],
    expected_failed_checks=expected_failures,
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)
