"""docs/speed.svg: how the seconds of embedding and of heads grow."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator
from study_section import on_a_card

from embedreg.report._style import PALETTE, WIDTH, styled, to_svg

if TYPE_CHECKING:
    from collections.abc import Iterable

Row = dict[str, Any]
Lines = dict[str, list[tuple[float, float]]]
# told apart by shape, fill and dashes too, for print in grey
_LOOKS = (("embedding", "o", "-", "embedding"), ("tabular", "s", (0, (4, 1.5)), "card"))
_BARS = (("embedding", ""), ("card", "////"))


def speed_svg(rows: list[Row]) -> str:
    """Return the figure of a run's curves."""
    numbers = [(row["curve"], row["line"], row["x"], f"{_median(row):.4f}") for row in rows]
    return on_a_card(to_svg(_figure(rows)), numbers)


@styled
def _figure(rows: list[Row]) -> Figure:
    figure = Figure(figsize=(WIDTH, 4.8), layout="constrained")
    records, length, dimension, threads = figure.subplots(2, 2).ravel()
    _curves(records, _lines(rows, "records"), "records", "seconds of embedding")
    _curves(length, _by_token(rows), "tokens a text", "microseconds a token")
    _curves(dimension, _lines(rows, "dimension"), "columns", "seconds of fitting")
    _bars(threads, _lines(rows, "threads"))
    return figure


def _curves(axes: Any, lines: Lines, x: str, y: str) -> None:
    for (name, points), (role, marker, dashes, face) in zip(lines.items(), _LOOKS, strict=False):
        look = {
            "color": PALETTE[role],
            "marker": marker,
            "linestyle": dashes,
            "markerfacecolor": PALETTE[face],
        }
        axes.plot(*zip(*points, strict=True), **look, markersize=4.5, linewidth=1.5, label=name)
    axes.set_xscale("log")
    places = sorted({x for points in lines.values() for x, _ in points})
    axes.set_xticks(places, [f"{place:,}" for place in places], fontsize=7.5, rotation=40)
    if y.startswith("microseconds"):
        axes.set_ylim(bottom=0)
    else:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")  # the usual one writes formulas
    axes.minorticks_off()
    axes.grid(axis="y")
    axes.set(xlabel=x, ylabel=y)
    axes.legend(fontsize=8, handlelength=2.6, labelspacing=0.3)


def _bars(axes: Any, lines: Lines) -> None:
    """Draw how many times as fast the most threads are as one."""
    for place, (_, points) in enumerate(lines.items()):
        (_, one), (_, most) = min(points), max(points)
        role, hatch = _BARS[place % len(_BARS)]
        axes.barh(
            place,
            one / most,
            color=PALETTE[role],
            edgecolor=PALETTE["ink"],
            hatch=hatch,
            height=0.6,
            linewidth=0.8,
        )
    axes.axvline(1, color=PALETTE["muted"], linewidth=1, linestyle=":")
    axes.set_yticks(
        range(len(lines)), [name.replace("embedding ", "embedding\n") for name in lines], fontsize=8
    )
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    most = max((x for points in lines.values() for x, _ in points), default=1)
    axes.set(xlabel=f"{most} threads: times as fast")
    axes.grid(axis="x")


def _lines(rows: Iterable[Row], curve: str) -> Lines:
    lines: Lines = {}
    for row in rows:
        if row["curve"] == curve:
            lines.setdefault(row["line"], []).append((row["x"], _median(row)))
    return lines


def _by_token(rows: list[Row]) -> Lines:
    scaled = [
        row | {"seconds": [1e6 * s / row["tokens"] for s in row["seconds"]]}
        for row in rows
        if row["curve"] == "length"
    ]
    return _lines(scaled, "length")


def _median(row: Row) -> float:
    return statistics.median(row["seconds"])
