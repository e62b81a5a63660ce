"""The figures of a comparison, a function each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from embedreg.report._numbers import TAU, decimals, interval_of, typeset
from embedreg.report._style import MARKERS, PALETTE, new_figure, styled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from embedreg.study.result import Comparison, MethodResult

_CROWDED: Final = 500  # beyond, points are small, full and see-through
_MANY_POINTS: Final = 2_000  # beyond, points are one image: an SVG of more shapes is slow to show
_LINES: Final = {"embedding": "-", "tabular": (0, (4, 1.5))}
NAMES: Final = {"embedding": "embedding", "tabular": "traditional features", "both": "combined"}


@styled
def kendall_by_method(comparison: Comparison) -> Figure:
    """Draw Kendall tau by method, best on top: dot, 95% interval, and a tick for each seed.

    The mean of y is the line at 0 rather than a row: it ranks nothing.
    """
    methods = [method for method in comparison.methods if method.representation != "none"]
    handles = _legend(methods)
    columns = 4 if len(handles) <= 4 else 3
    figure, axes = new_figure(height=1.1 + 0.36 * len(methods))
    axes.axvline(0, color=PALETTE["muted"], linewidth=1, linestyle=":")
    for row, method in enumerate(methods):
        _draw_interval(axes, row, method)
    axes.set_yticks(range(len(methods)), [shortened(method.name) for method in methods])
    axes.set_ylim(len(methods) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.margins(x=0.06)
    axes.set_xlabel("Kendall tau on test rows")
    figure.legend(
        handles=[handle for i in range(columns) for handle in handles[i::columns]],  # it fills columns first
        loc="outside upper left",
        ncols=columns,
        columnspacing=1.2,
        handlelength=1.5,
        handletextpad=0.4,
    )
    return figure


@styled
def predicted_against_actual(comparison: Comparison, name: str) -> Figure:
    """Draw one method's predictions for the first seed's test rows against what they should be.

    The axes span the actual values and the predictions of both best methods, so that two panels compare.
    """
    method, target = comparison.method(name), shortened(str(comparison.data.get("target", "y")), longest=24)
    y = np.asarray(comparison.predictions["y"], dtype=float)
    shown = ("y", comparison.best_embedding, comparison.best_tabular, name)
    low, high, log = _common_axis(np.concatenate([comparison.predictions[n] for n in shown]))
    figure, axes = new_figure(height=3.6, width=3.4)
    axes.set_aspect("equal")
    set_scales(axes, ("x", "y") if log else ())
    if not log:
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.set(xlim=(low, high), ylim=(low, high), xlabel=f"actual {target}", ylabel=f"predicted {target}")
    axes.plot([low, high], [low, high], color=PALETTE["muted"], linewidth=1)
    marker = _marker(method.representation, size=5 if len(y) <= 100 else 3)
    if len(y) > _CROWDED:
        marker |= {"alpha": 0.4, "markerfacecolor": marker["markeredgecolor"]}
    axes.plot(y, comparison.predictions[name], linestyle="", rasterized=len(y) > _MANY_POINTS, **marker)
    axes.set_title(f"{shortened(name)}\n{_first_tau(method)}", loc="left")
    return figure


@styled
def lipschitz_factors(comparison: Comparison) -> Figure:
    """Draw, for each representation, the share of rows up to each Lipschitz factor.

    Cumulative shares need no choice of bins, and show rows with a factor of zero on a logarithmic axis too.
    """
    known = {name: np.sort(found.factors) for name, found in comparison.smoothness.items() if found.factors}
    figure, axes = new_figure(height=3.1)
    everything = np.concatenate([np.empty(0), *known.values()])
    low, high, log = factor_axis(everything)
    set_scales(axes, ("x",) if log else ())
    for name, factors in known.items():
        shares = np.arange(1, len(factors) + 1) / len(factors)
        # On a logarithmic axis factors of zero stand at the left edge.
        steps = np.concatenate([[low], np.maximum(factors, low), [high]])
        line = axes.step(steps, [0, *shares, 1], where="post", label=NAMES.get(name, name), linewidth=2)[0]
        line.set(color=PALETTE.get(name, PALETTE["muted"]), linestyle=_LINES.get(name, ":"))
    axes.set(xlim=(low, high), ylim=(0, 1.02), ylabel="share of training rows")
    axes.set_xlabel("Lipschitz factor, normalised" + (" (logarithmic axis)" if log else ""))
    axes.yaxis.set_major_formatter("{x:.0%}")
    axes.grid()
    if known:
        axes.legend(loc="lower right")
    return figure


def shortened(name: str, longest: int = 34) -> str:
    """Return the name on one line, ending in an ellipsis if it is too long for a figure.

    Examples
    --------
    >>> shortened("embedding + ridge")
    'embedding + ridge'
    >>> shortened("the_first_of_many_columns", longest=10)
    'the_first…'
    """
    name = " ".join(name.split())
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def _marker(representation: str, size: float) -> dict[str, Any]:
    shape, fill = MARKERS[representation]
    edge = PALETTE.get(representation, PALETTE["muted"])
    return {"marker": shape, "markersize": size, "markeredgecolor": edge, "markerfacecolor": PALETTE[fill]}


def _draw_interval(axes: Any, row: int, method: MethodResult) -> None:
    tau = interval_of(method, TAU)
    if tau is None:
        axes.text(0, row, " undefined", va="center", color=PALETTE["muted"])
        return
    colour = PALETTE[method.representation]
    seeds = tau.per_seed if len(tau.per_seed) > 1 else []
    axes.plot(seeds, [row] * len(seeds), linestyle="", marker="|", markersize=11, color=colour, alpha=0.55)
    axes.plot([tau.low, tau.high], [row, row], color=colour, linewidth=2)
    axes.plot([tau.mean], [row], linestyle="", zorder=3, **_marker(method.representation, size=7))
    beside = axes.get_yaxis_transform()
    axes.text(1.02, row, typeset(decimals(tau.mean)), va="center_baseline", transform=beside)


def _legend(methods: Sequence[MethodResult]) -> list[Any]:
    kinds = dict.fromkeys(method.representation for method in methods)
    handles = [Line2D([], [], linestyle="", label=NAMES[kind], **_marker(kind, size=7)) for kind in kinds]
    interval = Line2D([], [], color=PALETTE["muted"], linewidth=2, label="95% interval")
    seed = Line2D([], [], linestyle="", marker="|", markersize=9, color=PALETTE["muted"], label="one seed")
    several = any(len(tau.per_seed) > 1 for method in methods if (tau := interval_of(method, TAU)))
    return [*handles, interval, *([seed] if several else [])]


def _first_tau(method: MethodResult) -> str:
    tau = interval_of(method, TAU)
    return f"τ = {typeset(decimals(tau.per_seed[0]))}" if tau and tau.per_seed else "τ undefined"


def _common_axis(values: NDArray[np.float64]) -> tuple[float, float, bool]:
    """Return limits with a little room, and whether the values ask for a logarithmic axis."""
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return 0.0, 1.0, False
    low, high = float(values.min()), float(values.max())
    if low > 0 and high > 1_000 * low:
        room = (high / low) ** 0.05
        return low / room, high * room, True
    room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return low - room, high + room, False


def factor_axis(factors: NDArray[np.float64]) -> tuple[float, float, bool]:
    """Return the limits of the axis, logarithmic if a linear one would crowd half of them into a tenth."""
    positive = factors[factors > 0]
    if len(positive) == 0:
        return 0.0, 1.0, False
    high = float(positive.max())
    if high < 10 * np.median(positive):
        return 0.0, 1.03 * high, False
    return max(float(np.quantile(positive, 0.01)) / 1.5, 1e-6 * high), 1.2 * high, True


def set_scales(axes: Any, names: Sequence[str]) -> None:
    """Make the named axes logarithmic, with plain numbers as labels."""
    for name in names:
        axes.set(**{f"{name}scale": "log"})
        axis = getattr(axes, f"{name}axis")
        axis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.set_minor_formatter("")
