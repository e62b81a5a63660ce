"""The plain-text table of a comparison, for the terminal. Needs nothing but the standard library."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

from embedreg.report._numbers import METRICS, TAU, UNDEFINED, decimals, interval_of, metric, p_value

if TYPE_CHECKING:
    from embedreg.study.result import Comparison, MethodResult

_WIDTH: Final = 120
_GAP: Final = "  "
_SCORES: Final = [key for key in METRICS if key != TAU]
_HEADINGS: Final = ["tau", "95% interval", *(METRICS[key] for key in _SCORES), "diff", "p", "seconds"]


def comparison_table(comparison: Comparison) -> str:
    """Return the methods as a table of fixed width, best first.

    Parameters
    ----------
    comparison
        What the study found.

    Returns
    -------
    str
        Lines of at most 120 columns, ASCII but for what the names hold, without a newline at the end.
        Undefined numbers read "n/a". A name that is too long goes on in the next line; nothing is cut.

    Examples
    --------
    >>> from embedreg.study.result import Comparison, Interval, MethodResult
    >>> tau = Interval(mean=0.71, low=0.65, high=0.76, per_seed=[0.70, 0.72])
    >>> ridge = MethodResult("tabular + ridge", "tabular", "ridge", 4, {"kendall_tau": tau}, None, [{}], 1.5)
    >>> found = Comparison({}, {}, [ridge], "", ridge.name, "", {}, 0.0, "", {}, {})
    >>> print(comparison_table(found).splitlines()[2])
    tabular + ridge  0.710  [0.650, 0.760]       n/a      n/a  n/a   n/a  n/a   ref         1.5
    """
    table = [_HEADINGS, *(_cells(method, comparison) for method in comparison.methods)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    room = _WIDTH - sum(len(_GAP) + width for width in widths)
    names = [textwrap.wrap(method.name, room) or [""] for method in comparison.methods]
    name_width = max([len("method"), *(len(line) for lines in names for line in lines)])
    lines = _row(["method"], table[0], name_width, widths)
    lines.append("-" * len(lines[0]))
    for name, cells in zip(names, table[1:], strict=True):
        lines += _row(name, cells, name_width, widths)
    return "\n".join([*lines, "", *textwrap.wrap(_footnote(comparison), _WIDTH)])


def _cells(method: MethodResult, comparison: Comparison) -> list[str]:
    tau = interval_of(method, TAU)
    scores = [(key, interval_of(method, key)) for key in _SCORES]
    return [
        decimals(tau.mean) if tau else UNDEFINED,
        f"[{decimals(tau.low)}, {decimals(tau.high)}]" if tau else "",
        *(metric(key, found.mean) if found else UNDEFINED for key, found in scores),
        *_difference(method, comparison),
        f"{method.seconds:.1f}",
    ]


def _difference(method: MethodResult, comparison: Comparison) -> tuple[str, str]:
    if method.difference is None:
        return ("ref" if method.name == comparison.best_tabular else "", "")
    return decimals(method.difference.mean, sign=True), p_value(method.difference.p_adjusted)


def _row(name: list[str], cells: list[str], name_width: int, widths: list[int]) -> list[str]:
    """Return a row's lines: the numbers stand in the first, a long name goes on below."""
    numbers = _GAP.join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
    return [f"{name[0]:<{name_width}}{_GAP}{numbers}", *name[1:]]


def _footnote(comparison: Comparison) -> str:
    seeds = max(
        (len(i.per_seed) for method in comparison.methods for i in method.metrics.values()), default=0
    )
    over = f"mean over {seeds} seeds" if seeds > 1 else "one seed"
    test = "by the corrected resampled t-test" if seeds > 1 else "by the paired bootstrap of the test rows"
    return (
        f"On test rows, {over}, best Kendall tau first. diff: tau less that of ref, the best traditional"
        f" method ({comparison.best_tabular}); p: {test}, after Holm's correction."
    )
