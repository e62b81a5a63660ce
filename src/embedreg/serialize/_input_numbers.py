"""Which records are the same input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from embedreg.serialize._registry import make_serializer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from embedreg.core.records import Record


def input_numbers(records: Sequence[Record]) -> NDArray[np.intp]:
    """Return a number a record, shape (n,), which equal records share and different ones do not.

    Examples
    --------
    >>> input_numbers([{"lr": 0.1}, {"lr": 0.2}, {"lr": 0.1}])
    array([0, 1, 0])
    """
    written = make_serializer("json", "as_is")
    numbers: dict[str, int] = {}
    found = [numbers.setdefault(written(record), len(numbers)) for record in records]
    return np.array(found, dtype=np.intp)
