"""A folder of the user's own files as a suite, described by a TOML file beside them."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from embedreg.core.errors import DataError, UsageError, unknown_name
from embedreg.tasks._file_task import FileTask
from embedreg.tasks._labelled_table import load_labelled
from embedreg.tasks._task import Suite
from embedreg.tasks.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from embedreg.tasks._labelled_table import LabelledTable

_SUITE_KEYS: Final = ("name", "description", "licence", "source", "tasks")
_TASK_KEYS: Final = ("file", "target", "text", "columns")
_SUITE_NAME: Final = re.compile(r"[A-Za-z0-9][\w.-]*")
_MEND: Final = "see docs/tasks.md for an example"


@dataclass(frozen=True, kw_only=True)
class UserTask(FileTask):
    """A task in a file of the user's.

    Attributes
    ----------
    file
        Where it is.
    """

    file: Path

    def path(self) -> Path:
        """Return where the file is."""
        if not self.file.is_file():
            raise UsageError(
                f"no file {self.file} for task {self.name!r}",
                expected="the file that was there when its suite was read",
                mend="put it back, or read the suite again",
            )
        return self.file

    def is_here(self) -> bool:
        """Whether the file is still there."""
        return self.file.is_file()

    def _mend_changed(self) -> str:
        return "read the suite again, which takes the file as it is now"


def suite_from_toml(path: Path | str) -> Suite:
    """Make a suite of the user's own files.

    Every file is read once, so that whatever is wrong with one is known now.

    Parameters
    ----------
    path
        A TOML file with a `name` and `[[tasks]]`, of which each has a `file` (relative to the TOML file; with
        `*` it may stand for several) and a `target`, and perhaps `text` or `columns`, which mean what they do
        for `load_labelled`. `description`, `licence` and `source` of the suite may be left out.

    Returns
    -------
    Suite
        With a task a file, whose name is "<suite>/<file name without its suffixes>".

    Raises
    ------
    UsageError
        If there is no such file, or a `file`, column or key in it is unknown.
    DataError
        If the TOML or a file's rows cannot be used.
    """
    path = Path(path)
    content = _content(path)
    _check_keys(content, _SUITE_KEYS, ("name", "tasks"), str(path))
    suite = _suite_name(content, path)
    about = {key: _string(content, key, path) or "" for key in ("description", "licence", "source")}
    tables = content["tasks"]
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise _wrong(path, f"tasks {tables!r}", "at least one table [[tasks]]")
    tasks = [task for table in tables for task in _tasks(table, suite, about, path)]
    _check_unique(tasks, path)
    return Suite(suite, about["description"], tuple(tasks))


def _tasks(table: dict[str, Any], suite: str, about: Mapping[str, str], path: Path) -> list[UserTask]:
    _check_keys(table, _TASK_KEYS, ("file", "target"), f"[[tasks]] of {path}")
    target, text = _string(table, "target", path), _string(table, "text", path)
    columns = table.get("columns")
    if columns is not None and not _is_list_of_text(columns):
        raise _wrong(path, f"columns {columns!r}", "a list of names")
    return [
        _task(suite, about, path, load_labelled(file, str(target), text=text, columns=columns))
        for file in _files(str(_string(table, "file", path)), path)
    ]


def _task(suite: str, about: Mapping[str, str], path: Path, table: LabelledTable) -> UserTask:
    kind, dof = _kind_and_dof(table)
    return UserTask(
        name=f"{suite}/{_stem(table.path)}",
        suite=suite,
        kind=kind,
        rows=len(table),
        dof=dof,
        summary=str(table.spec.target),
        licence=about["licence"] or "not stated",
        source=about["source"] or str(path),
        sha256=table.sha256,
        target=str(table.spec.target),
        spec=table.spec,
        file=table.path,
    )


def _kind_and_dof(table: LabelledTable) -> tuple[str, int]:
    if table.spec.text is not None:
        return "text", 1
    if table.spec.columns is not None:
        return "table", len(table.spec.columns)
    return "dict", len({name for record in table.records for name in record})


def _files(pattern: str, path: Path) -> list[Path]:
    folder = path.parent
    files = [folder / pattern] if (folder / pattern).is_file() else _matches(folder, pattern)
    if not files:
        raise UsageError(
            f"no file {pattern!r} in {folder}, which {path.name} names",
            expected="a file, or a pattern that some files match",
            mend="correct it, relative to the TOML file",
        )
    return files


def _matches(folder: Path, pattern: str) -> list[Path]:
    relative = Path(pattern)
    if relative.is_absolute():
        folder, relative = Path(relative.anchor), relative.relative_to(relative.anchor)
    spelt = any(map(_is_hidden, relative.parts))  # only then, unlike a desktop's "._table.csv"
    found = [file for file in folder.glob(str(relative)) if file.is_file()]
    return sorted(file for file in found if spelt or not any(map(_is_hidden, file.relative_to(folder).parts)))


def _is_hidden(part: str) -> bool:
    return part.startswith(".") and part not in {".", ".."}


def _stem(file: Path) -> str:
    name = file.name.removesuffix(".gz")
    return Path(name).stem if Path(name).suffix.lower() in FORMATS else name


def _content(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise UsageError(
            f"no file {path}", expected="a TOML file that describes a suite", mend="correct the path"
        )
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _wrong(path, f"no TOML ({error})", "a TOML file") from error


def _suite_name(content: Mapping[str, Any], path: Path) -> str:
    name = str(_string(content, "name", path))
    if not _SUITE_NAME.fullmatch(name):
        raise _wrong(path, f"the name {name!r}", "letters, digits, '_', '-' and '.'")
    return name


def _check_keys(
    table: Mapping[str, Any], known: tuple[str, ...], needed: tuple[str, ...], where: str
) -> None:
    for key in table:
        if key not in known:
            raise unknown_name(f"key in {where},", key, known)
    for key in needed:
        if key not in table:
            raise DataError(f"no {key!r} in {where}", expected=f"the keys {', '.join(needed)}", mend=_MEND)


def _check_unique(tasks: list[UserTask], path: Path) -> None:
    files: dict[str, Path] = {}
    for task in tasks:
        if task.name in files:
            raise _wrong(
                path, f"{files[task.name]} and {task.file}, both named {task.name!r}", "a file name a task"
            )
        files[task.name] = task.file


def _string(table: Mapping[str, Any], key: str, path: Path) -> str | None:
    value = table.get(key)
    if value is None or (isinstance(value, str) and value):
        return value
    raise _wrong(path, f"{key} {value!r}", "a text that is not empty")


def _is_list_of_text(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _wrong(path: Path, got: str, expected: str) -> DataError:
    return DataError(f"{got} in {path}", expected=expected, mend=_MEND)
