"""Models on this machine: fetched, checked against the catalogue, and only then made visible."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from embedreg.core.errors import ModelError
from embedreg.core.files import output_errors, sha256_of
from embedreg.core.paths import cache_root
from embedreg.embed._catalogue import entry_named
from embedreg.embed._gguf import convert_gguf, read_conversion, require_gguf
from embedreg.embed._sources import DirectorySource, SourceFailedError

if TYPE_CHECKING:
    from embedreg.embed._catalogue import CatalogueEntry
    from embedreg.embed._sources import Source

MODELS: Final = "EMBEDREG_MODELS"
# What may stand beside the weights: configuration, tokenizer, how its authors pool, and the model's own page.
_SIDE_FILES: Final = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "spiece.model",
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "1_Pooling/config.json",
    "README.md",
    "LICENSE",
)
_STAGING_PREFIX: Final = ".staging-"
_STALE_SECONDS: Final = 24 * 3600.0


@dataclass(frozen=True)
class VerifyResult:
    """An installed model whose weights were hashed again and found right.

    Attributes
    ----------
    name
        As in the catalogue.
    path
        The Hugging Face directory.
    sha256
        By file name, of every weights file in it.
    """

    name: str
    path: Path
    sha256: dict[str, str]


def installed_path(entry: CatalogueEntry) -> Path | None:
    """Return the model's Hugging Face directory on this machine, or None.

    Examples
    --------
    >>> from embedreg.embed import catalogue
    >>> path = installed_path(catalogue()["minilm"])
    >>> path is None or (path / "config.json").is_file()
    True
    """
    path = _place(entry)
    return path if (path / entry.weights).is_file() else None


def pull(name: str, *, quiet: bool = False) -> Path:
    """Fetch a model of the catalogue unless it is here and undamaged.

    The sources are tried in order: the directory `$EMBEDREG_MODELS/<name>`, then those of the entry. The
    weights are checked before anything becomes visible. Two processes may pull at once, and a killed one
    leaves nothing that counts. With `EMBEDREG_OFFLINE=1` only the directory is tried.

    Parameters
    ----------
    name
        As in `catalogue()`.
    quiet
        Say nothing on stderr.

    Returns
    -------
    Path
        A directory that transformers' `AutoModel.from_pretrained` can load.

    Raises
    ------
    UsageError
        If the name is unknown, or a GGUF model is asked for without the packages that read it.
    ModelError
        If every source fails, with the reason of each; or if a source gives weights with another sha256.
    OutputError
        If the cache cannot be written.
    """
    entry = entry_named(name)
    if installed_path(entry) is not None:
        try:
            return verify(name).path
        except ModelError as error:
            _say(f"fetching {name} again: {error.got}", quiet=quiet)
    if entry.kind == "gguf":
        require_gguf()
    place = _place(entry)
    with output_errors(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale(place.parent)
        staging = Path(tempfile.mkdtemp(prefix=_STAGING_PREFIX, dir=place.parent))
        try:
            _publish(entry, _fetch(entry, staging, quiet=quiet), place)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return place


def verify(name: str) -> VerifyResult:
    """Hash the weights of an installed model again.

    Raises
    ------
    UsageError
        If the name is unknown.
    ModelError
        If the model is not installed, or its weights are not those that were installed.
    """
    entry = entry_named(name)
    path = installed_path(entry)
    if path is None:
        raise ModelError(
            f"no installed model {name!r}",
            expected=f"it in {_place(entry)}",
            mend=f"`embedreg models pull {name}`",
        )
    expected = {entry.weights: entry.sha256}
    if entry.kind == "gguf":
        conversion = read_conversion(path)
        expected[conversion.weights] = conversion.sha256
    for file, sha256 in expected.items():
        check_sha256(
            path / file, sha256, mend=f"`embedreg models pull {name}`, which fetches damaged weights again"
        )
    return VerifyResult(name, path, expected)


def check_sha256(path: Path, expected: str, *, mend: str) -> None:
    """Refuse a file with other bytes than expected.

    Raises
    ------
    ModelError
        With both hashes.
    """
    actual = sha256_of(path) if path.is_file() else "no file"
    if actual != expected:
        raise ModelError(f"weights {path} with sha256 {actual}", expected=f"sha256 {expected}", mend=mend)


def _place(entry: CatalogueEntry) -> Path:
    return cache_root() / "models" / f"{entry.name}-{entry.sha256[:12]}"


def _sources(entry: CatalogueEntry) -> tuple[Source, ...]:
    root = os.environ.get(MODELS)
    own = (DirectorySource(Path(root).expanduser() / entry.name),) if root else ()
    return (*own, *entry.sources)


def _fetch(entry: CatalogueEntry, staging: Path, *, quiet: bool) -> Path:
    """Return a folder in `staging` with the checked and converted model of the first source that has it."""
    failures = []
    for number, source in enumerate(_sources(entry)):
        _say(f"fetching {entry.name} from {source}", quiet=quiet)
        folder = staging / str(number)  # one a source: half of one and half of another make no model
        folder.mkdir()
        try:
            source.fetch((entry.weights, *_SIDE_FILES), folder)
            _check_complete(entry, folder)
        except (SourceFailedError, OSError, zipfile.BadZipFile) as error:
            failures.append(f"{source}: {error}")
            continue
        _check_fetched(entry, source, folder)
        if entry.kind == "gguf":
            _say(f"converting {entry.name} to safetensors, once; this takes about 20 seconds", quiet=quiet)
            convert_gguf(folder, entry.weights, entry.sha256)
        return folder
    raise _nowhere(entry, failures)


def _check_complete(entry: CatalogueEntry, folder: Path) -> None:
    needed = [entry.weights] if entry.kind == "gguf" else [entry.weights, "config.json", "tokenizer.json"]
    missing = [name for name in needed if not (folder / name).is_file()]
    if missing:
        raise SourceFailedError(f"it has no {', '.join(missing)}")


def _check_fetched(entry: CatalogueEntry, source: Source, folder: Path) -> None:
    """Refuse other weights, without a look at the next source: somebody has to know of them."""
    mend = f"do not use what {source} gives: mend or remove that source"
    check_sha256(folder / entry.weights, entry.sha256, mend=mend)


def _publish(entry: CatalogueEntry, folder: Path, place: Path) -> None:
    """Give the finished folder its name.

    Another process may have been first. A damaged model that has the name makes way.
    """
    try:
        folder.rename(place)
    except OSError:
        if _is_sound(entry):
            return
        if place.exists():
            place.rename(folder.parent / "damaged")
        folder.rename(place)


def _is_sound(entry: CatalogueEntry) -> bool:
    try:
        verify(entry.name)
    except ModelError:
        return False
    return True


def _remove_stale(models: Path) -> None:
    """Remove what killed processes left, and nothing that a living one may still fill."""
    for path in models.glob(f"{_STAGING_PREFIX}*"):
        with contextlib.suppress(FileNotFoundError):  # its own process may be done with it just now
            if time.time() - path.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(path, ignore_errors=True)


def _nowhere(entry: CatalogueEntry, failures: list[str]) -> ModelError:
    listed = "; ".join(failures)
    return ModelError(
        f"no {entry.name} from any of its {len(failures)} sources ({listed})",
        expected=f"{entry.weights} with sha256 {entry.sha256[:12]}...",
        mend=f"mend or allow one of those, or set {MODELS} to a folder with the files in its {entry.name}/",
    )


def _say(message: str, *, quiet: bool) -> None:
    if not quiet and os.environ.get("EMBEDREG_PROGRESS") != "0":
        sys.stderr.write(f"embedreg: {message}\n")
