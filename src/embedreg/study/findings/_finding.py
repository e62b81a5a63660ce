"""What a study says about one published result: numbers, a verdict by a stated rule, and a chart."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from embedreg.study.grid import Estimate, estimate
from embedreg.study.grid._rows import Row, paired, place_of, select, unit_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from embedreg.study.grid import StudyResults

AGREES, DISAGREES, INCONCLUSIVE, NOT_RUN = "agrees", "disagrees", "inconclusive", "not run"
VERDICTS: Final = (AGREES, DISAGREES, INCONCLUSIVE, NOT_RUN)
_COPIES: Final = {"random": "never trained", "vocabulary": "without a forward pass"}
_ROWS: Final = 500  # said where it differs


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

    @classmethod
    def of(cls, results: StudyResults) -> StudyData:
        """Return the finished cells of results."""
        return cls(results.rows, results.smoothness, results.profiles, results.subject)

    def difference(self, one: Mapping[str, Any], other: Mapping[str, Any], **where: Any) -> Estimate | None:
        """Return the mean of tau of `one` less tau of `other` on equal splits of `number_of_rows`, or None."""
        size = self.number_of_rows(one, other, **where)
        found = paired(select(self.rows, **(where | {"rows": size})), one, other)
        return estimate([(unit_of(row["task"]), value) for row, value in found]) if found else None

    def number_of_rows(self, *methods: Mapping[str, Any], **where: Any) -> int | None:
        """Return at how many rows the most splits have all the methods, the greatest of equals; None if none has.

        What is compared or averaged has one number of rows: scores of 250 rows are not those of 500.
        """
        rows = select(self.rows, **where)
        places = [{place_of(row) for row in select(rows, **method)} for method in methods]
        splits = Counter(size for _, size, _ in set.intersection(*places))
        return max(splits, key=lambda size: (splits[size], size), default=None)

    def embeddings(self, **where: Any) -> list[str]:
        """Return the embeddings that were run, the subject first, untrained copies last."""
        names = dict.fromkeys(row["representation"] for row in select(self.rows, kind="embedding", **where))
        return sorted(names, key=lambda name: (name != self.subject, is_copy(name)))

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
class Part:
    """More numbers of a finding, such as those of each function.

    Attributes
    ----------
    title
        What they are.
    columns, table
        The numbers.
    panels
        A small chart each, by name, on equal axes; drawn as one figure. None for no figure.
    """

    title: str
    columns: list[str]
    table: list[list[Any]]
    panels: dict[str, Chart] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """One published result beside what was found here.

    Attributes
    ----------
    number
        As in the list of published results, 1 to 10; beyond 10, questions that the paper leaves open.
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
    parts
        More numbers, after those.
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
    parts: list[Part] = field(default_factory=list)


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


def is_copy(embedding: str) -> bool:
    """Return whether an embedding is an untrained copy of another, by its name.

    Examples
    --------
    >>> is_copy("minilm, random"), is_copy("minilm")
    (True, False)
    """
    return embedding.rpartition(", ")[2] in _COPIES


def labelled(name: str, rows: int | None = _ROWS) -> str:
    """Return a name with what a reader has to know beside it: that it is a copy, and an unusual number of rows.

    Examples
    --------
    >>> labelled("bbob", 500), labelled("smollm2", 250), labelled("minilm, random")
    ('bbob', 'smollm2 (250 rows)', 'minilm, random (never trained)')
    """
    said = [_COPIES[name.rpartition(", ")[2]]] if is_copy(name) else []
    said += [f"{rows} rows"] if rows not in {None, _ROWS} else []
    return f"{name} ({', '.join(said)})" if said else name


def shown(value: Estimate | None) -> str:
    """Return an estimate as text, a dash where there is none."""
    return "-" if value is None else str(value)
