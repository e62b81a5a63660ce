"""Figures on smoothness: the NLFDs, the rugged surface and the distance profile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap

from embedreg.report._figures import NAMES, factor_axis, set_scales, shortened
from embedreg.report._numbers import figures as four_figures
from embedreg.report._numbers import typeset
from embedreg.report._style import PALETTE, WIDTH, new_figure, new_panels, styled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from embedreg.smoothness import NLFD, DistanceProfile, RuggedSurface

_BINS: Final = 32
_SHADES: Final = 20  # each for an equal share of the records
_FILLS: Final[dict[str, dict[str, Any]]] = {
    "embedding": {"fill": True, "alpha": 0.75},
    "tabular": {"fill": False, "hatch": "////"},
}
"""Told apart by fill too, for print in grey."""


@styled
def factor_histograms(distributions: Mapping[str, NLFD]) -> Figure:
    """Draw the factors of each representation, one panel above the other on the same axes."""
    present = {name: nlfd.factors[~np.isnan(nlfd.factors)] for name, nlfd in distributions.items()}
    low, high, log = factor_axis(np.concatenate([np.empty(0), *present.values()]))
    edges = np.geomspace(low, high, _BINS + 1) if log else np.linspace(low, high, _BINS + 1)
    figure, panels = new_panels(len(present), height=1.0 + 1.45 * len(present), width=WIDTH)
    for axes, (name, factors) in zip(panels, present.items(), strict=True):
        set_scales(axes, ("x",) if log else ())
        _draw_histogram(axes, name, factors, edges)
    panels[-1].set_xlabel("Lipschitz factor, normalised" + (" (logarithmic axis)" if log else ""))
    panels[-1].set_xlim(low, high)
    return figure


@styled
def rugged_surface_figure(surface: RuggedSurface, title: str = "", target: str = "y") -> Figure:
    """Draw records in the plane, coloured by the rank of their target.

    Parameters
    ----------
    surface
        From `embedreg.smoothness.rugged_surface`.
    title
        Above it, such as the representation's name. How records were laid out is added.
    target
        What the colour bar is of.
    """
    figure, axes = new_figure(height=3.6, width=3.9)
    colours = ListedColormap(mpl.colormaps["viridis"](np.linspace(0.03, 0.97, _SHADES)))
    norm = BoundaryNorm(np.linspace(0, 1, _SHADES + 1), _SHADES)
    axes.scatter(
        *surface.points.T,
        c=_rank_shares(surface.y),
        cmap=colours,
        norm=norm,
        s=26 if len(surface.y) <= 300 else 12,
        linewidths=0.35,
        edgecolors=PALETTE["muted"],
    )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.margins(0.04)
    across, up = (f"{surface.method} {part}" for part in _AXES[surface.method])
    axes.set(xlabel=across, ylabel=up)
    why = f", as {surface.why}" if surface.why else ""
    lines = ([shortened(title)] if title else []) + [f"{surface.method} of {len(surface.y):,} records{why}"]
    axes.set_title("\n".join(lines), loc="left")
    bar = figure.colorbar(ScalarMappable(norm, colours), ax=axes, ticks=_QUARTILES, pad=0.02, aspect=28)
    bar.ax.set_yticklabels([typeset(four_figures(value)) for value in np.quantile(surface.y, _QUARTILES)])
    bar.set_label(f"{shortened(target, longest=24)}: least, quartiles, greatest")
    bar.outline.set_visible(False)
    return figure


_AXES: Final = {"t-SNE": ("horizontal", "vertical"), "PCA": ("first component", "second component")}
_QUARTILES: Final = [0.0, 0.25, 0.5, 0.75, 1.0]


@styled
def distance_profile_figure(profile: DistanceProfile) -> Figure:
    """Draw embedding distance against input distance: each sample, and the quantiles of each ball.

    Parameters
    ----------
    profile
        From `embedreg.smoothness.distance_profile`.
    """
    figure, axes = new_figure(height=3.4)
    across = np.median(profile.input_distances, axis=1)
    lowest, lower, middle, upper, highest = profile.embedding_quantiles.T
    axes.plot(
        profile.input_distances.ravel(),
        profile.embedding_distances.ravel(),
        linestyle="",
        marker=".",
        markersize=2.5,
        color=PALETTE["muted"],
        alpha=0.5,
        rasterized=profile.input_distances.size > 2000,
        label="a sampled point",
    )
    shade = {"color": PALETTE["embedding"], "linewidth": 0}
    axes.fill_between(across, lowest, highest, alpha=0.18, label="middle 90% in a ball", **shade)
    axes.fill_between(across, lower, upper, alpha=0.35, label="middle 50%", **shade)
    axes.plot(across, middle, marker="o", markersize=4, color=PALETTE["embedding"], label="median")
    axes.set(xlabel="input distance to the reference point", ylabel="embedding distance")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.grid()
    axes.legend(loc="lower right")
    return figure


def _draw_histogram(axes: Any, name: str, factors: NDArray[np.float64], edges: NDArray[np.float64]) -> None:
    colour = PALETTE.get(name, PALETTE["muted"])
    if not len(factors):
        axes.set_title(f"{NAMES.get(name, name)}: no record has a factor", loc="left")
        return
    # what lies left of the axis is in its first bar
    counts, _ = np.histogram(np.clip(factors, edges[0], edges[-1]), edges)
    axes.stairs(counts / len(factors), edges, color=colour, linewidth=1.2, **_FILLS.get(name, {}))
    mean = float(factors.mean())
    axes.axvline(mean, color=PALETTE["ink"], linewidth=1.2, linestyle=(0, (4, 2)))
    axes.set_title(f"{NAMES.get(name, name)}, mean {typeset(four_figures(mean))} (dashed line)", loc="left")
    axes.set_ylabel("share of records")
    axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g}%")
    axes.grid(axis="y")


def _rank_shares(y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of records below each one, ties in the middle of theirs; in (0, 1)."""
    below, upto = (np.searchsorted(np.sort(y), y, side=side) for side in ("left", "right"))
    return np.asarray((below + upto) / (2 * len(y)))
