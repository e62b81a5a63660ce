"""Answers that no request may end by: they are wrong, and asked for again."""

from __future__ import annotations

import math

import pytest

from embedreg.embed.services._answers import vectors_of
from embedreg.embed.services._service import Answer, WrongAnswerError


@pytest.mark.parametrize(
    "items",
    [
        [(math.inf, [1.0])],
        [(math.nan, [1.0])],
        [("first", [1.0])],
        [(0, [10**400])],
        [(0, ["one"])],
        [(0, [[1.0]])],
        [(1, [1.0])],
        [],
    ],
)
def test_wrong_answers(items):
    with pytest.raises(WrongAnswerError):
        vectors_of(Answer(items, None), 1, 1)
