from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from embedreg.core.errors import EmbedregWarning
from embedreg.core.warn import each_once, warn
from embedreg.features import TabularFeatures

if TYPE_CHECKING:
    import warnings


def messages(caught: list[warnings.WarningMessage]) -> list[str]:
    return [str(warning.message) for warning in caught]


def test_each_once_says_equal_messages_once_and_forgets_them_after():
    @each_once()
    def call():
        warn("one")
        with each_once():
            warn("one")
            warn("two")

    with pytest.warns(EmbedregWarning) as caught:
        [call() for _ in range(2)]
    assert messages(caught) == ["one", "two", "one", "two"]


def test_without_it_each_warning_is_said():
    with pytest.warns(EmbedregWarning) as caught:
        [warn("one") for _ in range(2)]
    assert len(caught) == 2


def test_threads_do_not_share_what_was_said():
    @each_once()
    def call():
        warn("one")
        other = threading.Thread(target=warn, args=["one"])
        other.start()
        other.join()

    with pytest.warns(EmbedregWarning) as caught:
        call()
    assert len(caught) == 2


def test_it_points_at_the_line_that_called_the_package():
    """scikit-learn's lines are passed over, as those of this package are."""
    table = pd.DataFrame({"a": [1, 2]})
    features = TabularFeatures().set_output(transform="pandas").fit(table)
    with pytest.warns(EmbedregWarning) as caught:
        features.transform([{"b": 1}])
    assert {warning.filename for warning in caught} == {__file__}
