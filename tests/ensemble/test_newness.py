from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedreg.core.errors import EmbedregWarning
from embedreg.ensemble._newness import by_newness, warn_of_few

some_inputs = st.lists(st.integers(0, 6), max_size=12).map(lambda inputs: np.array(inputs, dtype=np.uint64))


@given(some_inputs, some_inputs)
def test_each_candidate_is_in_one_group_and_each_input_once_before_repeats(inputs, measured):
    new, known, repeated = by_newness(inputs, measured)
    assert sorted([*new, *known, *repeated]) == list(range(len(inputs)))
    assert set(inputs[new].tolist()) == set(inputs.tolist()) - set(measured.tolist())
    assert set(inputs[known].tolist()) == set(inputs.tolist()) & set(measured.tolist())
    assert len(new) + len(known) == len(set(inputs.tolist()))


def test_of_too_few_new_candidates_it_is_said_how_many():
    with pytest.warns(EmbedregWarning, match="3 of the 5 suggestions repeat .* only 2 are new"):
        warn_of_few(5, 2)
    warn_of_few(5, 5)
