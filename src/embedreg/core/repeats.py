"""Measurements repeated under another seed or number, which are no different inputs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.stats import rankdata

from embedreg.core.warn import warn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from embedreg.core.records import Record

# Words in the name of such a field. On a full grid a knob without effect looks the same, and is no such field.
_NAMES: Final = re.compile(
    r"(^|[^a-z])(seed|run|rep|repeat|repetition|replicate|trial|id|uuid|index|idx|fold|iteration)s?([^a-z]|$)"
)
_MOST_CELLS: Final = 1_000_000  # a second; larger tables are not looked at
_FEWEST: Final = 10  # different records that are left
_REPEATED: Final = 0.8  # of the rows
_ALIKE: Final = 0.2  # of the variance of the targets' ranks, between rows that are the same but for the field


def field_of_repeats(records: Sequence[Record], y: NDArray[np.float64]) -> tuple[str, int] | None:
    """Return the field that only tells repeated measurements from each other, such as a seed or a run's number, or None.

    Its name says so, or no two records share its value, which is no fraction. Without it four in five records equal another
    one, and the targets of those that are equal hardly differ: held out beside each other, they tell each other's target.

    Parameters
    ----------
    records
        n texts or mappings.
    y
        Targets, shape (n,) or (n, targets).

    Returns
    -------
    tuple of str and int, or None
        The field's name, and how many different records there are without it.

    Examples
    --------
    >>> rates = np.repeat(np.linspace(0, 1, 12), 3)
    >>> records = [{"rate": rate, "seed": i % 3} for i, rate in enumerate(rates)]
    >>> field_of_repeats(records, rates**2)
    ('seed', 12)
    """
    mappings = [record for record in records if isinstance(record, Mapping)]
    fields = list(dict.fromkeys(name for record in mappings for name in record))
    n = len(records)
    if len(mappings) < n or len(fields) < 2 or n * len(fields) > _MOST_CELLS:
        return None
    hashes = np.column_stack([_hashes([record.get(name) for record in mappings]) for name in fields])
    whole = hashes.sum(axis=1, dtype=np.uint64)
    distinct = len(np.unique(whole))
    ranks = np.column_stack([rankdata(column) for column in np.reshape(y, (n, -1)).T])
    for name, own in zip(fields, hashes.T, strict=True):
        if not _may_be_a_number_of_runs(name, [record.get(name) for record in mappings]):
            continue
        _, group, sizes = np.unique(whole - own, return_inverse=True, return_counts=True)
        if _FEWEST <= len(sizes) <= distinct / 2 and sizes[sizes > 1].sum() >= _REPEATED * n:
            means = np.column_stack([np.bincount(group, column) / sizes for column in ranks.T])
            within = ((ranks - means[group]) ** 2).sum(axis=0) / (n - len(sizes))
            if (within <= _ALIKE * ranks.var(axis=0)).all():
                return str(name), len(sizes)
    return None


def _may_be_a_number_of_runs(name: object, cells: list[Any]) -> bool:
    named = _NAMES.search(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(name)).lower()) is not None
    return named or (
        not any(isinstance(cell, float) for cell in cells) and len(set(map(repr, cells))) == len(cells)
    )


def _hashes(cells: list[Any]) -> NDArray[np.uint64]:
    """Return a number a cell, which equal cells share."""
    seen: dict[str, int] = {}
    places = [seen.setdefault(repr(cell), len(seen)) for cell in cells]
    drawn = np.random.default_rng(len(seen)).integers(2**64, size=len(seen), dtype=np.uint64)
    return drawn[places]


def warn_of_repeats(records: Sequence[Record], y: NDArray[np.float64]) -> None:
    """Warn where a field only tells repeated measurements from each other; see `field_of_repeats`."""
    if found := field_of_repeats(records, y):
        name, different = found
        warn(
            f"without the field {name!r} the {len(records)} records are {different} different ones, whose targets agree: if "
            "these are repeated measurements, a row held out is known from its repeats, and errors and intervals are too "
            f"hopeful for new records; leave {name!r} out of the inputs, and repeats are held out together"
        )
