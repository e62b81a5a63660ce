"""The file formats that rows are read from and written to, one file each.

A new format is one file with a class like those here, and one line in the registry.
"""

from __future__ import annotations

from embedreg.tasks.formats._format import Cells, Format, Row, Writer
from embedreg.tasks.formats._registry import FORMATS, format_of
from embedreg.tasks.formats._source import Source, no_rows, open_source
from embedreg.tasks.formats._text_file import is_gzipped

__all__ = [
    "FORMATS",
    "Cells",
    "Format",
    "Row",
    "Source",
    "Writer",
    "format_of",
    "is_gzipped",
    "no_rows",
    "open_source",
]
