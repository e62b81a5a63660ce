from __future__ import annotations

import numpy as np
import pytest
import torch

from embedreg.core.errors import UsageError
from embedreg.embed._pooling import POOLINGS, pooling_named

HIDDEN = torch.tensor([[[1.0, -1.0], [2.0, -5.0], [7.0, -3.0]], [[4.0, -4.0], [99.0, 99.0], [99.0, 99.0]]])
MASK = torch.tensor([[1, 1, 1], [1, 0, 0]])


@pytest.mark.parametrize(
    ("name", "windows", "text"),
    [
        ("mean", [[10, -9], [4, -4]], [14 / 4, -13 / 4]),
        ("mean_padded", [[10, -9], [4, -4]], [14 / 1024, -13 / 1024]),
        ("weighted", [[[10, -9], [26, -20]], [[4, -4], [4, -4]]], [(26 + 4 * 4) / 10, (-20 - 4 * 4) / 10]),
        ("max", [[7, -1], [4, -4]], [7, -1]),
        ("last", [[7, -3], [4, -4]], [4, -4]),
        ("first", [[1, -1], [4, -4]], [1, -1]),
    ],
)
def test_both_steps_by_hand(name, windows, text):
    pooling = pooling_named(name)

    parts = pooling.over_window(HIDDEN, MASK)

    assert parts.tolist() == windows
    whole = pooling.over_text(parts.numpy().astype(np.float64)[None], np.array([[3, 1]]))
    np.testing.assert_allclose(whole, [text])


@pytest.mark.parametrize(("tokens", "padded"), [(1, 1024), (1024, 1024), (1025, 2048), (2048, 2048)])
def test_mean_padded_divides_by_the_authors_length(tokens, padded):
    whole = POOLINGS["mean_padded"].over_text(np.array([[[1.0], [2.0]]]), np.array([[tokens - 1, 1]]))

    assert whole.tolist() == [pytest.approx([3 / padded])]


def test_unknown():
    with pytest.raises(UsageError, match="did you mean 'mean'"):
        pooling_named("meen")
