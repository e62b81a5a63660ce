from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedreg.core.errors import DataError
from embedreg.core.weights import SMALLEST_SHARE, check_weights

N = 6
ONES = np.ones(N)


@pytest.mark.parametrize(
    "weight",
    [ONES, ONES.tolist(), [True] * N, 2.0, np.float32(3), 1e-200 * ONES, 1.7e308 * ONES, np.full(N, 5e-324)],
    ids=str,
)
def test_equal_weights_are_ones_whatever_their_size(weight):
    np.testing.assert_allclose(check_weights(weight, N), 1, rtol=1e-15)


@given(
    st.lists(st.floats(0, 1e3).map(lambda w: round(w, 3)), min_size=2, max_size=20), st.floats(1e-200, 1e200)
)
def test_only_ratios_count(given_weights, unit):
    weights = np.array([1.0, *given_weights, 2.0])
    found = check_weights(weights, len(weights))
    assert found[weights > 0].mean() == pytest.approx(1)
    np.testing.assert_allclose(found / found.max(), weights / weights.max())
    np.testing.assert_allclose(check_weights(unit * weights, len(weights)), found, rtol=1e-12)


@pytest.mark.parametrize(
    ("weight", "said"),
    [
        (np.zeros(N), "0 are positive and the others zero; .*leave sample_weight out"),
        (np.eye(N)[0], "1 are positive"),
        (0.0, "0 are positive"),
        (np.r_[-1, ONES[1:]], "1 sample weights that are negative, the first in rows 0; .*weight 0"),
        (np.r_[ONES[1:], np.nan], "NaN or infinite, the first in rows 5; .*weight 0"),
        (np.r_[ONES[2:], np.inf, -np.inf], "2 .*infinite, the first in rows 4, 5"),
        (float("nan"), "NaN"),
        (ONES[1:], r"shape \(5,\) for 6 records"),
        (ONES[:, None], r"shape \(6, 1\)"),
        ([], r"shape \(0,\)"),
        (["a"] * N, "sample weights that are no numbers: .*'a'.* in row 0"),
        ("balanced", "sample weights that are no numbers: .*balanced"),
        ({}, "no numbers"),
        ([None] * N, "NaN"),
        (ONES + 1j, "sample weights that are complex"),
        (1j, "complex"),
        (ONES.astype("m8[s]"), "sample weights that are times"),
        (np.ma.masked_array(ONES, mask=ONES > 0), "6 masked sample weights"),
        (
            np.where(np.arange(N) < 3, 1e200, 1e-200),
            "3 .*too small beside the largest, the first in rows 3, 4, 5",
        ),
        (np.where(np.arange(N) < 3, 1, SMALLEST_SHARE / 10), "too small .*1e-30 of their mean"),
    ],
    ids=str,
)
def test_weights_that_cannot_be_meant_are_refused(weight, said):
    with pytest.raises(DataError, match=said):
        check_weights(weight, N)
