"""The HTML page of a comparison: one file that needs no network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedreg.core.errors import UsageError
from embedreg.core.files import output_errors, whole_file
from embedreg.report._context import page_context
from embedreg.report._downloads import data_files

if TYPE_CHECKING:
    from jinja2 import Template
    from matplotlib.figure import Figure

    from embedreg.study.result import Comparison


def write_comparison_report(comparison: Comparison, path: Path) -> Path:
    """Write a comparison as one self-contained HTML page.

    The page loads nothing: styles, figures (SVG) and the numbers behind them (CSV, JSON) are inside it. The
    same comparison gives the same bytes.

    Parameters
    ----------
    comparison
        What the study found.
    path
        Where to; its folder must exist. A file that is there is replaced, whole or not at all.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    UsageError
        If the packages of the extra `report` (Jinja2, matplotlib) are not installed.
    OutputError
        If the file cannot be written.
    """
    require_report_packages()
    path = Path(path)
    write_text(path, _render(comparison))
    return path


def save_comparison(comparison: Comparison, directory: Path) -> Path:
    """Write the page and, beside it, the files with all numbers that the page offers for download.

    Parameters
    ----------
    comparison
        What the study found.
    directory
        Where to; made if it is not there.

    Returns
    -------
    Path
        The page, `report.html` in `directory`.

    Raises
    ------
    UsageError
        If the packages of the extra `report` (Jinja2, matplotlib) are not installed.
    OutputError
        If a file cannot be written.
    """
    require_report_packages()
    directory = Path(directory)
    with output_errors(directory):
        directory.mkdir(parents=True, exist_ok=True)
    for file in data_files(comparison).values():
        write_text(directory / file.name, file.text)
    return write_comparison_report(comparison, directory / "report.html")


def require_report_packages() -> None:
    """Make sure that a page can be written. To be called before the work whose result it is to show.

    Raises
    ------
    UsageError
        If the packages of the extra `report` (Jinja2, matplotlib) are not installed.
    """
    try:
        import jinja2  # noqa: F401 (an optional extra)
        import matplotlib as mpl  # noqa: F401 (an optional extra)
    except ImportError as error:
        raise UsageError(
            f"no package {error.name or 'jinja2 or matplotlib'} to write the report with",
            expected="the packages of the optional extra 'report' to be installed",
            mend="pip install 'embedreg[report]', or do without the report",
        ) from error


def write_text(path: Path, text: str) -> None:
    """Write a page or a file of numbers, whole or not at all."""
    with whole_file(path) as temporary:
        # A file's name may hold bytes that are no text; they are shown as escapes.
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


def _render(comparison: Comparison) -> str:
    return template("comparison.html").render(page_context(comparison), figures=_figures(comparison))


def template(name: str) -> Template:
    """Return one of our templates."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name)


def _figures(comparison: Comparison) -> dict[str, Any]:
    """Return the figures as markup by name; a prediction panel for each of the two best methods."""
    from markupsafe import Markup

    from embedreg.report import _figures as draw
    from embedreg.report._style import to_inline_svg

    def markup(figure: Figure, name: str, label: str) -> Markup:
        return Markup(to_inline_svg(figure, name, label))  # noqa: S704 (matplotlib and to_inline_svg escape texts)

    kendall, factors = draw.kendall_by_method(comparison), draw.lipschitz_factors(comparison)
    panels = [
        markup(
            draw.predicted_against_actual(comparison, name), f"panel{i}", f"Predicted against actual: {name}"
        )
        for i, name in enumerate(dict.fromkeys([comparison.best_embedding, comparison.best_tabular]))
    ]
    return {
        "kendall": markup(
            kendall, "kendall", "Kendall tau by method, with 95% intervals, as in the table below"
        ),
        "panels": panels,
        "factors": markup(factors, "factors", "Share of training rows up to each Lipschitz factor"),
    }
