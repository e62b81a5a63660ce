"""From a template and what fills it to a page on disk; the same for every kind of page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedreg.core.errors import UsageError
from embedreg.core.files import whole_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from markupsafe import Markup
    from matplotlib.figure import Figure


def require_report_packages() -> None:
    """Make sure that a page can be written. To be called before the work whose result it is to show.

    Raises
    ------
    UsageError
        If the packages of the extra `report` (Jinja2, matplotlib) are not installed.
    """
    try:
        import jinja2  # noqa: F401, PLC0415 (an optional extra)
        import matplotlib as mpl  # noqa: F401, PLC0415 (an optional extra)
    except ImportError as error:
        raise UsageError(
            f"no package {error.name or 'jinja2 or matplotlib'} to write the report with",
            expected="the packages of the optional extra 'report' to be installed",
            mend="pip install 'embedreg[report]', or do without the report",
        ) from error


def render(template: str, context: Mapping[str, Any]) -> str:
    """Return a page's text from a file in `templates`."""
    import jinja2  # noqa: PLC0415 (an optional extra)

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(context)


def markup(figure: Figure, name: str, label: str) -> Markup:
    """Return a figure as an `svg` element that a template takes as it is; see `to_inline_svg`."""
    from markupsafe import Markup  # noqa: PLC0415 (comes with Jinja2)

    from embedreg.report._style import to_inline_svg  # noqa: PLC0415 (needs matplotlib)

    return Markup(to_inline_svg(figure, name, label))  # noqa: S704 (matplotlib and to_inline_svg escape texts)


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    with whole_file(path) as temporary:
        # A file's name may hold bytes that are no text; they are shown as escapes.
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
