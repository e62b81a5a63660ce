"""Arrays from scikit-learn's transformers, whatever a user has set for the output of transformers."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from sklearn import config_context

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def plain_outputs() -> Iterator[None]:
    """Let transformers give arrays within this, whatever `sklearn.set_config(transform_output=...)` says; it decorates too.

    Examples
    --------
    >>> from sklearn.preprocessing import StandardScaler
    >>> with config_context(transform_output="pandas"), plain_outputs():
    ...     type(StandardScaler().fit_transform([[1.0], [2.0]])).__name__
    'ndarray'
    """
    with config_context(transform_output="default"):
        yield
