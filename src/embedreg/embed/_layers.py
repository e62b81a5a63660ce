"""Which layers' outputs make a vector, and how they are put together."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from embedreg.core.arguments import whole_number
from embedreg.core.errors import UsageError

_RANGE: Final = re.compile(r"(mean:)?(\d+)-(\d+)")


@dataclass(frozen=True)
class Layers:
    """Layers that were chosen.

    Attributes
    ----------
    indices
        Positions in the list of hidden states: 0 is the input to the first layer, k the output of layer k.
    average
        Whether their states are averaged; else their vectors stand one after the other.
    """

    indices: tuple[int, ...]
    average: bool = False

    @property
    def width(self) -> int:
        """How many times a layer's dimension a vector is long."""
        return 1 if self.average else len(self.indices)


def read_layers(text: str) -> str | int:
    """Return a choice of layers as it was written: a number, or one of the words that `chosen_layers` knows.

    Examples
    --------
    >>> read_layers("-1"), read_layers("2-4")
    (-1, '2-4')
    """
    return int(text) if re.fullmatch(r"-?\d+", text) else text


def chosen_layers(layers: str | int, count: int) -> Layers:
    """Return what a choice means for a model of `count` layers.

    Parameters
    ----------
    layers
        "last"; a number (0 the input to the first layer, k the output of layer k, negative from the end);
        "all" or a range "2-4" with both ends, one after the other; "mean" or "mean:2-4", averaged.
    count
        How many layers the model has.

    Raises
    ------
    UsageError
        If it means nothing, or no such layers are there.

    Examples
    --------
    >>> chosen_layers("mean:2-4", 6)
    Layers(indices=(2, 3, 4), average=True)
    >>> chosen_layers(-1, 6).indices
    (6,)
    """
    words = {
        "last": Layers((count,)),
        "all": Layers(tuple(range(1, count + 1))),
        "mean": Layers(tuple(range(1, count + 1)), average=True),
    }
    if isinstance(layers, str):
        return words.get(layers) or _range(layers, count)
    number = whole_number(layers)
    if number is None or not -count - 1 <= number <= count:
        raise _unknown(layers, count)
    return Layers((number % (count + 1),))


def _range(layers: str, count: int) -> Layers:
    found = _RANGE.fullmatch(layers)
    if not found:
        raise _unknown(layers, count)
    first, last = int(found[2]), int(found[3])
    if not first <= last <= count:
        raise _unknown(layers, count)
    return Layers(tuple(range(first, last + 1)), average=found[1] is not None)


def _unknown(layers: object, count: int) -> UsageError:
    return UsageError(
        f"layers={layers!r}",
        expected=f"'last', 'all', 'mean', a range as '0-{count}' or 'mean:0-{count}', or a number from {-count - 1} "
        f"to {count}: 0 is the first one's input",
        mend="choose one of those",
    )
