"""What a study says about one published result: numbers, a verdict by a stated rule, and a chart."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from embedreg.study.grid import Estimate, estimate
from embedreg.study.grid._rows import Row, paired, select

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

AGREES, DISAGREES, INCONCLUSIVE, NOT_RUN = "agrees", "disagrees", "inconclusive", "not run"
VERDICTS: Final = (AGREES, DISAGREES, INCONCLUSIVE, NOT_RUN)


@dataclass(frozen=True)
class StudyData:
    """The finished cells of a study.

    Attributes
    ----------
    rows
        As `embedreg.study.grid.finished_rows` gives them.
    smoothness
        As `embedreg.study.grid.smoothness_rows` gives them.
    profiles
        As `embedreg.study.grid.profile_rows` gives them.
    subject
        The embedding that published results are held against; "SUBJECT, random" is its copy with random weights,
        and so on.
    """

    rows: list[Row]
    smoothness: list[Row]
    profiles: list[Row] = field(default_factory=list)
    subject: str = "minilm"

    def score(self, **values: Any) -> Estimate | None:
        """Return the mean Kendall tau of the rows with those values, or None if there are none."""
        found = [(row["task"], row["kendall_tau"]) for row in select(self.rows, **values)]
        return estimate(found) if found else None

    def difference(self, one: Mapping[str, Any], other: Mapping[str, Any], **where: Any) -> Estimate | None:
        """Return the mean of tau of `one` less tau of `other` on equal splits, or None if there are none."""
        found = [(row["task"], value) for row, value in paired(select(self.rows, **where), one, other)]
        return estimate(found) if found else None

    def values(self, name: str, **values: Any) -> list[Any]:
        """Return the distinct values of a field among the rows that have those values, sorted."""
        return sorted({row[name] for row in select(self.rows, **values)})


@dataclass(frozen=True)
class Chart:
    """A line of estimates for each method, or bars where x is a list of names.

    Attributes
    ----------
    x_label, y_label
        With units.
    lines
        By method: (x, estimate) pairs. x is a number, or a name for bars.
    """

    x_label: str
    y_label: str
    lines: dict[str, list[tuple[float | str, Estimate]]]


@dataclass(frozen=True)
class Finding:
    """One published result beside what was found here.

    Attributes
    ----------
    number
        As in the list of published results, 1 to 10.
    title
        Of what it is about.
    paper
        What the paper found, in our words.
    rule
        How the verdict follows from numbers.
    verdict
        One of `VERDICTS`.
    sentence
        What was found here, with its numbers.
    columns, table
        The numbers.
    chart
        Drawn in the report; None where nothing was run.
    """

    number: int
    title: str
    paper: str
    rule: str
    verdict: str
    sentence: str
    columns: list[str] = field(default_factory=list)
    table: list[list[Any]] = field(default_factory=list)
    chart: Chart | None = None


def verdict_on(difference: Estimate | None, *, expected: int = 1) -> str:
    """Return what a difference says: its 95% interval lies on the expected side of 0, on the other, or holds 0.

    Examples
    --------
    >>> verdict_on(Estimate(0.2, 0.1, 0.3, 5)), verdict_on(Estimate(0.2, -0.1, 0.3, 5)), verdict_on(None)
    ('agrees', 'inconclusive', 'not run')
    """
    if difference is None:
        return NOT_RUN
    if math.isnan(difference.low):
        return INCONCLUSIVE
    low, high = sorted((expected * difference.low, expected * difference.high))
    return AGREES if low > 0 else DISAGREES if high < 0 else INCONCLUSIVE


def overall(verdicts: Sequence[str]) -> str:
    """Return the verdict on several parts: all of those run have to agree, or all to disagree."""
    run = {verdict for verdict in verdicts if verdict != NOT_RUN}
    if not run:
        return NOT_RUN
    return run.pop() if len(run) == 1 else INCONCLUSIVE


def shown(value: Estimate | None) -> str:
    """Return an estimate as text, a dash where there is none."""
    return "-" if value is None else str(value)
