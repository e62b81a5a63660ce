"""What was found on smoothness as plain text, for the terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from embedreg.report._numbers import decimals, figures

if TYPE_CHECKING:
    from embedreg.report._smoothness_files import SmoothnessFacts
    from embedreg.smoothness import GapInterval, RepresentationSmoothness

NAMES: Final = {"embedding": "embedding", "tabular": "traditional features"}
_HEADINGS: Final = ("Lipschitz factors over", "mean", "deviation", "repeated", "without factor", "length")


def smoothness_table(found: RepresentationSmoothness, facts: SmoothnessFacts) -> str:
    """Return rows used, a table of both NLFDs, Z with its interval, and what that says.

    Parameters
    ----------
    found
        From `embedreg.smoothness.compare_smoothness`.
    facts
        On the data.

    Returns
    -------
    str
        Lines without a newline at the end.
    """
    rows = [
        (
            NAMES[name],
            figures(nlfd.mean),
            figures(nlfd.deviation),
            f"{nlfd.repeated:,}",
            f"{nlfd.without_factor:,}",
            f"{found.vectors[name].shape[1]:,}",
        )
        for name, nlfd in found.distributions.items()
    ]
    widths = [max(map(len, column)) for column in zip(_HEADINGS, *rows, strict=True)]
    scaling = found.distributions["embedding"].scaling
    return "\n".join(
        [
            f"{facts.path}, target {facts.target}: {rows_used(found)}",
            "",
            *(_line(cells, widths) for cells in (_HEADINGS, *rows)),
            "repeated: rows whose vector another row has too. They take their neighbour elsewhere; what the target",
            "does between equal vectors is in no factor. Without factor: all rows, if all vectors are equal.",
            "",
            f"Z = {gap_in_words(found.gap)}; scaling: {scaling}",
            found.sentence,
            found.prediction,
        ]
    )


def rows_used(found: RepresentationSmoothness) -> str:
    """Say how many rows were used, out of how many, and how many inputs they have."""
    used = f"{len(found.rows):,}"
    which = f"a random {used} of {found.records:,} rows" if found.sampled else f"all {used} rows"
    return f"{which}, {found.distinct_inputs:,} distinct inputs"


def gap_in_words(gap: GapInterval) -> str:
    """Return Z with its interval.

    Examples
    --------
    >>> from embedreg.smoothness import GapInterval
    >>> gap_in_words(GapInterval(0.25, 0.125, 0.375, 0.95))
    '+0.250, 95% interval +0.125 to +0.375'
    """
    value = decimals(gap.gap, sign=True)
    if math.isnan(gap.low):
        return f"{value}, without an interval"
    low, high = decimals(gap.low, sign=True), decimals(gap.high, sign=True)
    return f"{value}, {gap.level:.0%} interval {low} to {high}"


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    name, *numbers = cells
    return "  ".join([name.ljust(widths[0]), *(c.rjust(w) for c, w in zip(numbers, widths[1:], strict=True))])
