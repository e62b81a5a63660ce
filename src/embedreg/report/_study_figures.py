"""The figure of a study's finding: lines over a number, or bars over names, with 95% intervals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from embedreg.report._figures import shortened
from embedreg.report._style import PALETTE, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from embedreg.study.findings import Chart
    from embedreg.study.grid import Estimate

# told apart by shape, fill and dashes too, for print in grey
_LOOKS: Final = (
    ("embedding", "o", "-", "full"),
    ("tabular", "s", (0, (4, 1.5)), "none"),
    ("muted", "D", (0, (1, 1.5)), "full"),
    ("ink", "^", "-.", "none"),
)
_DODGE: Final = 0.06  # of a number on the axis, between the first and the last method
_SPREAD: Final = 0.5  # of the room between two names, taken by the methods' intervals


@styled
def finding_figure(chart: Chart) -> Figure:
    """Draw a chart: a line for each method where x is a number, else intervals side by side over names."""
    names = list(dict.fromkeys(x for line in chart.lines.values() for x, _ in line if isinstance(x, str)))
    figure, axes = new_figure(height=3.1 + 0.2 * (len(chart.lines) > 2))
    if any(
        value.low < 0 < value.high or value.mean < 0 for line in chart.lines.values() for _, value in line
    ):
        axes.axhline(0, color=PALETTE["muted"], linewidth=1, linestyle=":")
    for number, (name, line) in enumerate(chart.lines.items()):
        offset = (number + 0.5) / len(chart.lines) - 0.5  # so that no interval hides another
        places = [
            names.index(x) + _SPREAD * offset if isinstance(x, str) else x * (1 + _DODGE * offset)
            for x, _ in line
        ]
        _draw(axes, number, name, places, [value for _, value in line], joined=not names)
    if names:
        axes.set_xticks(range(len(names)), [shortened(name, 16) for name in names])
        axes.set_xlim(-0.5, len(names) - 0.5)
        axes.tick_params(axis="x", length=0)
    else:
        _numeric_axis(axes, sorted({float(x) for line in chart.lines.values() for x, _ in line}))
    axes.grid(axis="y")
    axes.set(xlabel=chart.x_label, ylabel=chart.y_label)
    if len(chart.lines) > 1:
        figure.legend(loc="outside upper left", ncols=2, columnspacing=1.2, handlelength=2.2)
    return figure


def _draw(
    axes: Any, number: int, name: str, places: list[float], values: list[Estimate], *, joined: bool
) -> None:
    role, marker, dashes, fill = _LOOKS[number % len(_LOOKS)]
    means = [value.mean for value in values]
    sides = [
        [
            0.0 if math.isnan(value.low) else abs(value.mean - end)
            for value, end in zip(values, ends, strict=True)
        ]
        for ends in ([value.low for value in values], [value.high for value in values])
    ]
    axes.errorbar(
        places,
        means,
        yerr=sides,
        color=PALETTE[role],
        marker=marker,
        markersize=5,
        markerfacecolor=PALETTE[role] if fill == "full" else PALETTE["card"],
        linestyle=dashes if joined else "",
        linewidth=1.6,
        elinewidth=1,
        capsize=2,
        label=shortened(name),
    )


def _numeric_axis(axes: Any, xs: list[float]) -> None:
    if len(xs) > 1 and xs[0] > 0 and xs[-1] / xs[0] >= 8:
        axes.set_xscale("log")
        axes.minorticks_off()
    axes.set_xticks(xs, [f"{x:g}" for x in xs])
