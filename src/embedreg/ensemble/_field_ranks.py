"""Numbers as ranks: a text of small whole numbers, whatever the unit or the scale of a field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from embedreg.features import numeric_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from embedreg.core.records import Record

Path: TypeAlias = "tuple[str | int, ...]"

_LEVELS: Final = 100  # two digits are one token to most vocabularies


@dataclass(frozen=True, eq=False)
class FieldRanks:
    """Replace each number of a record by its rank among the field's training values, from 0 to 99.

    A field with at most 100 distinct training values gets their position; one with more gets a hundredth of
    the way through them. A number of a field that had none in training stays as it is, as does everything else.

    Attributes
    ----------
    values
        The distinct training values of each field with numbers, ascending.

    Examples
    --------
    >>> ranks = FieldRanks.learn([{"lr": 0.1, "opt": "sgd"}, {"lr": 0.001, "opt": "adam"}, {"lr": 10.0}])
    >>> ranks.transform([{"lr": 0.1, "opt": "sgd"}, {"lr": 99.0, "units": 64}])
    [{'lr': 1, 'opt': 'sgd'}, {'lr': 2, 'units': 64}]
    """

    values: dict[Path, NDArray[np.float64]]

    @classmethod
    def learn(cls, records: Sequence[Record]) -> FieldRanks:
        """Learn the fields' values from training records; texts have none."""
        found: dict[Path, set[float]] = {}
        for record in records:
            for path, value in _numbers((), record):
                found.setdefault(path, set()).add(value)
        return cls({path: np.array(sorted(values)) for path, values in found.items()})

    def transform(self, records: Sequence[Record]) -> list[Any]:
        """Return the records with ranks for numbers."""
        return [self._replaced((), record) for record in records]

    def _replaced(self, path: Path, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._replaced((*path, key), item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._replaced((*path, place), item) for place, item in enumerate(value)]
        number = numeric_value(value)
        if number is None or path not in self.values:
            return value
        return _rank(number, self.values[path])

    def to_json(self) -> list[Any]:
        """Return it as JSON values."""
        return [[list(path), values.tolist()] for path, values in self.values.items()]

    @classmethod
    def from_json(cls, saved: list[Any]) -> FieldRanks:
        """Return what `to_json` saved."""
        return cls({tuple(path): np.array(values) for path, values in saved})


def _rank(number: float, values: NDArray[np.float64]) -> int:
    """Return the position of the nearest training value, as one of at most `_LEVELS`."""
    after = int(np.searchsorted(values, number))
    if 0 < after < len(values) and number - values[after - 1] < values[after] - number:
        after -= 1
    position = min(after, len(values) - 1)
    return position if len(values) <= _LEVELS else round((_LEVELS - 1) * position / (len(values) - 1))


def _numbers(path: Path, value: Any) -> Iterator[tuple[Path, float]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _numbers((*path, key), item)
    elif isinstance(value, (list, tuple)):
        for place, item in enumerate(value):
            yield from _numbers((*path, place), item)
    elif (number := numeric_value(value)) is not None:
        yield path, number
