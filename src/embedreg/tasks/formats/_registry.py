"""Which format a file is in, by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from embedreg.core.errors import UsageError
from embedreg.tasks.formats._arrow import Arrow
from embedreg.tasks.formats._csv import Csv
from embedreg.tasks.formats._jsonl import JsonLines
from embedreg.tasks.formats._parquet import Parquet

if TYPE_CHECKING:
    from pathlib import Path

    from embedreg.tasks.formats._format import Format

FORMATS: Final[dict[str, Format]] = {
    ".csv": Csv("CSV", ","),
    ".tsv": Csv("TSV", "\t"),
    ".jsonl": JsonLines(),
    ".ndjson": JsonLines(),
    ".parquet": Parquet(),
    ".arrow": Arrow(),
    ".feather": Arrow(),
    ".ipc": Arrow(),
}
"""By suffix, in lower case; `.gz` may follow that of a text format."""

_MENDS: Final = {
    ".json": "write one JSON object a line and name it .jsonl: jq -c '.[]' file.json > file.jsonl",
    ".txt": "rename it to what it is: .csv, .tsv or .jsonl",
    ".xlsx": "save the sheet as CSV in UTF-8",
    ".xls": "save the sheet as CSV in UTF-8",
    ".zip": "unpack it first",
}


def format_of(path: Path, *, to_write: bool = False) -> Format:
    """Return the format that a file's name says, of one to read, or `to_write`.

    Raises
    ------
    UsageError
        If the suffix is none of `FORMATS`.

    Examples
    --------
    >>> from pathlib import Path
    >>> format_of(Path("runs.tsv.gz")).name
    'TSV'
    """
    suffix, *more = [suffix.lower() for suffix in reversed(path.suffixes)] or [""]
    if suffix == ".gz" and more and more[0] in FORMATS and FORMATS[more[0]].is_text:
        return FORMATS[more[0]]
    if suffix not in FORMATS:
        texts = ", ".join(name for name, form in FORMATS.items() if form.is_text)
        raise UsageError(
            f"the file name {path.name!r}",
            expected=f"a name that ends in one of {', '.join(FORMATS)}; {texts} may be followed by .gz",
            mend="choose one of those"
            if to_write
            else _MENDS.get(suffix, "convert the file, or rename it to what it is"),
        )
    return FORMATS[suffix]
