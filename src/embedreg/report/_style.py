"""One look for all figures, and how a figure becomes SVG for a page.

Figures are made with matplotlib's object interface under its default settings and ours. The user's own
settings and backend neither show in them nor are changed.
"""

from __future__ import annotations

import contextlib
import functools
import html
import io
import math
import re
import warnings
from typing import TYPE_CHECKING, Any, Final, ParamSpec

import matplotlib as mpl
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

P = ParamSpec("P")

WIDTH: Final = 5.2
"""Inches. At this width 9.5 pt text stays readable both in a page's column and on a phone."""

PALETTE: Final = {
    "ink": "#1c2330",
    "muted": "#6a7280",
    "grid": "#dfe3e8",
    "card": "#fefefe",
    "embedding": "#0a6c8f",
    "tabular": "#b4531a",
    "both": "#6b3f9e",
}
"""Colours by role. On a page each becomes the CSS variable of that name, which a dark scheme replaces."""

MARKERS: Final = {
    "embedding": ("o", "embedding"),
    "tabular": ("s", "card"),
    "both": ("P", "both"),
    "none": ("D", "muted"),
}
"""Marker and fill by representation: told apart by shape and fill too, for print in grey."""

_SETTINGS: Final = {
    "axes.axisbelow": True,
    "axes.edgecolor": PALETTE["muted"],
    "axes.labelcolor": PALETTE["ink"],
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "font.size": 9.5,
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib, so a figure is laid out the same everywhere
    "grid.color": PALETTE["grid"],
    "grid.linewidth": 0.8,
    "hatch.linewidth": 0.7,
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text: it can be selected, and the reader's fonts have every script
    "svg.hashsalt": "embedreg",  # the same figure is the same file
    "text.color": PALETTE["ink"],
    "text.parse_math": False,  # a column may be called "$x_1"
    "xtick.color": PALETTE["muted"],
    "xtick.labelcolor": PALETTE["ink"],
    "ytick.color": PALETTE["muted"],
    "ytick.labelcolor": PALETTE["ink"],
}
_NO_METADATA: Final = dict.fromkeys(["Creator", "Date", "Format", "Type"])


@contextlib.contextmanager
def figure_style() -> Iterator[None]:
    """Hold the settings of our figures; afterwards the user's are as they were."""
    with mpl.rc_context(), warnings.catch_warnings():
        # Text is drawn by the reader's browser, which has glyphs that matplotlib's own font lacks.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font", category=UserWarning)
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw a figure in our style."""

    @functools.wraps(draw)
    def in_style(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with figure_style():
            return draw(*args, **kwargs)

    return in_style


def new_figure(height: float, width: float = WIDTH) -> tuple[Figure, Any]:
    """Return a figure with one pair of axes, sizes in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def new_panels(rows: int, height: float, width: float) -> tuple[Figure, Any]:
    """Return a figure with several axes, one below the other on the same scales, sizes in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, sharex=True, sharey=True, squeeze=False)[:, 0]


def new_grid(panels: int, columns: int, height: float) -> tuple[Figure, list[Any]]:
    """Return a figure with so many axes on the same scales, row by row, each of that height in inches."""
    rows = math.ceil(panels / columns)
    figure = Figure(figsize=(WIDTH, 0.7 + height * rows), layout="constrained")
    axes = figure.subplots(rows, min(columns, panels), sharex=True, sharey=True, squeeze=False).ravel()
    for beyond in axes[panels:]:
        beyond.remove()
    return figure, list(axes[:panels])


def to_svg(figure: Figure) -> str:
    """Return the figure as an SVG file's text, the same for the same figure."""
    buffer = io.StringIO()
    with figure_style():
        figure.savefig(buffer, format="svg", transparent=True, metadata=_NO_METADATA)
    return buffer.getvalue()


def to_inline_svg(figure: Figure, name: str, label: str) -> str:
    """Return the figure as an `svg` element for an HTML page.

    Parameters
    ----------
    figure
        What to draw.
    name
        A word, unique on the page. It prefixes the ids, so that several figures do not clash.
    label
        What the figure shows, for readers who do not see it.

    Returns
    -------
    str
        HTML. It has no size of its own, takes the page's font and takes its colours from CSS variables.
    """
    svg = to_svg(figure)
    head, _, body = svg[svg.index("<svg") :].partition(">")
    view_box = re.search(r'viewBox="[^"]*"', head)
    assert view_box is not None
    body = _STYLE_SHEET.sub("", body, count=1)
    body = _TAG.sub(lambda tag: _rewritten(tag[0], name), body)
    return f'<svg {view_box[0]} role="img" aria-label="{html.escape(label)}">{body}'


_STYLE_SHEET: Final = re.compile(
    r"<defs>\s*<style.*?</style>\s*</defs>", re.DOTALL
)  # it would style the page
_TAG: Final = re.compile(r"<[^<>]*>")  # texts between tags are the user's and stay as they are


def _rewritten(tag: str, name: str) -> str:
    """Return a tag with ids of this figure's own, the page's font, and colours by role."""
    tag = re.sub(r'\bid="', f'id="{name}-', tag)
    tag = tag.replace("xlink:href=", "href=").replace('href="#', f'href="#{name}-')
    tag = tag.replace("url(#", f"url(#{name}-")
    tag = re.sub(r'font-family: [^;"]*', "font-family: inherit", tag)
    for role, colour in PALETTE.items():
        tag = tag.replace(colour, f"var(--{role}, {colour})")
    return tag
