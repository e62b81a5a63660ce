"""Files of text, gzipped or not."""

from __future__ import annotations

import codecs
import contextlib
import gzip
import io
import zlib
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from embedreg.core.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import TextIO

_GZIP_MAGIC = b"\x1f\x8b"
_UTF16_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_EXPECTED: Final = "text in UTF-8, with or without a byte order mark"


@contextlib.contextmanager
def open_text(path: Path, *, newline: str | None = None) -> Iterator[TextIO]:
    """Open UTF-8 text for reading, with or without a byte order mark; unpack it if named `.gz`.

    Raises
    ------
    DataError
        While the text is read, if it is no UTF-8, or if a gzipped file is damaged or cut off.
    """
    try:
        with _open_bytes(path) as file, io.TextIOWrapper(file, encoding="utf-8-sig", newline=newline) as text:
            yield text
    except UnicodeDecodeError as error:
        raise _wrong_encoding(path) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"gzipped data in {path} that is damaged or cut off ({error})",
            expected="a whole gzip file",
            mend="copy or download it again; `gzip -t` checks it",
        ) from error
    except OSError as error:
        raise DataError(
            f"{error.strerror or error} while reading {path}",
            expected="a file that can be read",
            mend="check its permissions and its disk",
        ) from error


def is_gzipped(path: Path) -> bool:
    """Whether the file's name says that it is gzipped."""
    return path.suffix.lower() == ".gz"


def _open_bytes(path: Path) -> BinaryIO:
    return cast("BinaryIO", gzip.open(path, "rb")) if is_gzipped(path) else path.open("rb")


def _wrong_encoding(path: Path) -> DataError:
    with path.open("rb") as file:
        if file.read(2) == _GZIP_MAGIC and not is_gzipped(path):
            return DataError(f"gzipped data in {path}", expected="text", mend=f"rename it to {path.name}.gz")
    with _open_bytes(path) as file:
        if file.read(2) in _UTF16_MARKS:
            return DataError(
                f"text in UTF-16 in {path}", expected=_EXPECTED, mend="convert it: iconv -f utf-16 -t utf-8"
            )
    return DataError(
        f"{_first_wrong_line(path)} of {path} that is no UTF-8",
        expected=_EXPECTED,
        mend="convert it: iconv -f latin1 -t utf-8, with the encoding it was written in for latin1",
    )


def _first_wrong_line(path: Path) -> str:
    with _open_bytes(path) as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return f"byte 0x{line[error.start]:02x} on line {number}"
    return "a byte"
