"""The figures of a study's finding: lines over a number, or bars over names, with 95% intervals; small multiples."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from embedreg.report._figures import shortened
from embedreg.report._style import PALETTE, new_figure, new_grid, styled

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
    ("both", "P", (0, (6, 1.5, 1, 1.5)), "full"),
    ("muted", "v", (0, (2, 1)), "none"),
)
_DODGE: Final = 0.06  # of a number on the axis, between the first and the last method
_PANEL_COLUMNS: Final = 4
_PANEL_HEIGHT: Final = 1.15
_HEIGHT: Final = 3.1  # inches, with one row of the legend
_LEGEND_ROW: Final = 0.2
_LONGEST_OF_TWO: Final = 31  # letters of a name, for two names to stand side by side in a legend
_SPREAD: Final = 0.5  # of the room between two names, taken by the methods' intervals


@styled
def finding_figure(chart: Chart) -> Figure:
    """Draw a chart: a line for each method where x is a number, else intervals side by side over names."""
    names = list(dict.fromkeys(x for line in chart.lines.values() for x, _ in line if isinstance(x, str)))
    columns = 1 if max(len(name) for name in chart.lines) > _LONGEST_OF_TWO else 2
    figure, axes = new_figure(height=_HEIGHT + _LEGEND_ROW * (math.ceil(len(chart.lines) / columns) - 1))
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
        axes.set_xticks(range(len(names)), [_two_lines(name) for name in names])
        axes.set_xlim(-0.5, len(names) - 0.5)
        axes.tick_params(axis="x", length=0)
    else:
        _numeric_axis(axes, sorted({float(x) for line in chart.lines.values() for x, _ in line}))
    axes.grid(axis="y")
    axes.set(xlabel=chart.x_label, ylabel=chart.y_label)
    figure.legend(loc="outside upper left", ncols=columns, columnspacing=1.2, handlelength=2.2)
    return figure


@styled
def panels_figure(panels: dict[str, Chart]) -> Figure:
    """Draw a small chart each, on equal axes: lines over a number, without intervals."""
    figure, grid = new_grid(len(panels), columns=_PANEL_COLUMNS, height=_PANEL_HEIGHT)
    for place, (axes, (title, chart)) in enumerate(zip(grid, panels.items(), strict=True)):
        for number, line in enumerate(chart.lines.values()):
            xs, means = [x for x, _ in line], [value.mean for _, value in line]
            axes.plot(xs, means, markersize=2.8, linewidth=1.1, **_look(number))
        axes.set_title(shortened(title, 20), fontsize=7.2, pad=3)
        axes.tick_params(labelsize=7)
        axes.grid(axis="y")
        places = sorted({float(x) for line in chart.lines.values() for x, _ in line})
        _numeric_axis(axes, places, [places[0], places[len(places) // 2], places[-1]])
        if place + _PANEL_COLUMNS >= len(panels):  # the last of its column
            axes.tick_params(labelbottom=True)
    first = next(iter(panels.values()))
    figure.supxlabel(first.x_label, fontsize=9.5)
    figure.supylabel(first.y_label, fontsize=9.5)
    figure.legend(grid[0].lines, [shortened(name) for name in first.lines], loc="outside upper left", ncols=3)
    return figure


def _two_lines(name: str) -> str:
    """Return a name with what stands in brackets after it on a second line, to be narrow."""
    stem, opening, rest = name.partition(" (")
    return shortened(stem, 16) + (f"\n({rest}" if opening else "")


def _look(number: int) -> dict[str, Any]:
    role, marker, dashes, fill = _LOOKS[number % len(_LOOKS)]
    face = PALETTE[role] if fill == "full" else PALETTE["card"]
    return {"color": PALETTE[role], "marker": marker, "markerfacecolor": face, "linestyle": dashes}


def _draw(
    axes: Any, number: int, name: str, places: list[float], values: list[Estimate], *, joined: bool
) -> None:
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
        **_look(number) | ({} if joined else {"linestyle": ""}),
        markersize=5,
        linewidth=1.6,
        elinewidth=1,
        capsize=2,
        label=shortened(name, 60),
    )


def _numeric_axis(axes: Any, xs: list[float], ticks: list[float] | None = None) -> None:
    if len(xs) > 1 and xs[0] > 0 and xs[-1] / xs[0] >= 8:
        axes.set_xscale("log")
        axes.minorticks_off()
    labelled = xs if ticks is None else ticks
    axes.set_xticks(labelled, [f"{x:g}" for x in labelled])
