"""From raw seconds to what is said of them: medians with the least and the greatest, ratios pair by pair, targets."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.speed._options import Row

NONE = ""


@dataclass(frozen=True)
class Spread:
    """Values of pairs."""

    values: Sequence[float]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def text(self, form: str = ".2f") -> str:
        """Return the median, and the least and the greatest where there are several."""
        low, high = min(self.values), max(self.values)
        return f"{self.median:{form}}" + (f" ({low:{form}} to {high:{form}})" if len(self.values) > 1 else "")


def times_as_fast(peer: Row, ours: Row) -> Spread:
    """Return, pair by pair, the peer's seconds by ours: above 1 we are faster."""
    return Spread([b / a for a, b in zip(ours["seconds"], peer["seconds"], strict=True)])


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return Markdown."""
    lines = [f"| {' | '.join(map(str, row))} |" for row in rows]
    return "\n".join([f"| {' | '.join(columns)} |", "|---" * len(columns) + "|", *lines, ""])


def groups(rows: Iterable[Row], *names: str) -> dict[tuple[Any, ...], list[Row]]:
    """Return rows by the values of some of their names, in order."""
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row[name] for name in names), []).append(row)
    return found


def verdict(target: str, missed: Sequence[str]) -> str:
    """Return whether a target is reached, and if not, where it is missed."""
    return f"Target: {target}: **{'not reached' if missed else 'reached'}**" + (
        f" ({'; '.join(missed)}).\n" if missed else ".\n"
    )
