"""What the HTML pages share: their templates, the figures within them, and how they are written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedreg.core.errors import UsageError
from embedreg.core.files import make_folder, whole_file

if TYPE_CHECKING:
    from collections.abc import Iterable

    from markupsafe import Markup
    from matplotlib.figure import Figure

    from embedreg.report._downloads import DataFile


def require_report_packages() -> None:
    """Make sure that a page can be written. To be called before the work whose result it is to show.

    Raises
    ------
    UsageError
        If the packages of the extra `report` (Jinja2, matplotlib) are not installed.
    """
    try:
        import jinja2  # noqa: F401 (an optional extra: is it there?)
        import matplotlib as mpl  # noqa: F401 (as jinja2)
    except ImportError as error:
        raise UsageError(
            f"no package {error.name or 'jinja2 or matplotlib'} to write the report with",
            expected="the packages of the optional extra 'report' to be installed",
            mend="pip install 'embedreg[report]', or do without the report",
        ) from error


def rendered(template: str, **context: Any) -> str:
    """Return the page that one of our templates makes of `context`."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(context)


def figure_markup(figure: Figure, name: str, label: str) -> Markup:
    """Return a figure as an `svg` element for a template; parameters as for `to_inline_svg`."""
    from markupsafe import Markup

    from embedreg.report._style import to_inline_svg

    return Markup(to_inline_svg(figure, name, label))  # noqa: S704 (matplotlib and to_inline_svg escape texts)


def save_page(path: Path, page: str, files: Iterable[DataFile] = ()) -> None:
    """Write a page, and beside it the files that it offers for download, in a folder that is made if need be.

    Raises
    ------
    OutputError
        If the folder cannot be made, or a file not be written.
    """
    make_folder(path.parent)
    for file in files:
        write_text(path.parent / file.name, file.text)
    write_text(path, page)


def write_text(path: Path, text: str) -> None:
    """Write a page or a file of numbers, whole or not at all."""
    with whole_file(path) as temporary:
        # A file's name may hold bytes that are no text; they are shown as escapes.
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
