"""Models on this machine: fetched, checked against the catalogue, and only then made visible."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from embedreg.core.errors import ModelError
from embedreg.core.files import is_stale, output_errors, sha256_of
from embedreg.core.paths import cache_root
from embedreg.embed._catalogue import entry_named
from embedreg.embed._checkpoint import CHECKPOINT, convert_checkpoint
from embedreg.embed._first_use import record, record_path, recorded_sha256
from embedreg.embed._gguf import convert_gguf, is_converted, read_conversion, require_gguf
from embedreg.embed._model_directory import INDEX, ModelDirectory, has_vocabulary, needed_shards
from embedreg.embed._sources import DirectorySource, SourceFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    "sentencepiece.bpe.model",
    "tokenizer.model",
    "added_tokens.json",
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "1_Pooling/config.json",
    "README.md",
    "LICENSE",
)
_STAGING_PREFIX: Final = ".staging-"
_AGAIN: Final = "`embedreg models pull {}`, which fetches damaged weights again"


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
    is_here = (path / entry.weights).is_file() if entry.sha256 else record_path(entry.name).is_file()
    return path if is_here and path.is_dir() else None


def trusted_sha256(entry: CatalogueEntry) -> str | None:
    """Return what the weights' hash has to be: as in the catalogue, or as it was when they first came.

    Raises
    ------
    ModelError
        If the record of that is damaged.
    """
    return entry.sha256 or recorded_sha256(entry.name)


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
    return pull_entry(entry_named(name), quiet=quiet)


def pull_entry(entry: CatalogueEntry, *, quiet: bool = False) -> Path:
    """Do what `pull` does for an entry that need not be in the catalogue."""
    if installed_path(entry) is not None:
        try:
            return verify_entry(entry).path
        except ModelError as error:
            _say(f"fetching {entry.name} again: {error.got}", quiet=quiet)
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
    return verify_entry(entry_named(name))


def verify_entry(entry: CatalogueEntry) -> VerifyResult:
    """Do what `verify` does for an entry that need not be in the catalogue."""
    path = installed_path(entry)
    if path is None:
        raise ModelError(
            f"no installed model {entry.name!r}",
            expected=f"it in {_place(entry)}",
            mend=f"`embedreg models pull {entry.name}`",
        )
    if entry.sha256 is None:
        return _verify_first_use(entry, path)
    expected = {entry.weights: entry.sha256}
    if is_converted(path) or entry.kind == "gguf":
        conversion = read_conversion(path)
        expected[conversion.weights] = conversion.sha256
    for file, sha256 in expected.items():
        check_sha256(path / file, sha256, mend=_AGAIN.format(entry.name))
    return VerifyResult(entry.name, path, expected)


def _verify_first_use(entry: CatalogueEntry, path: Path) -> VerifyResult:
    """Compare weights with what they were when they first came."""
    trusted, conversion = recorded_sha256(entry.name), read_conversion(path) if is_converted(path) else None
    actual = ModelDirectory(path).reread_weights_sha256()
    came = conversion.source_sha256 if conversion else actual
    if came != trusted or (conversion and conversion.sha256 != actual):
        raise ModelError(
            f"weights in {path} with sha256 {actual}",
            expected=f"those that first came, as {record_path(entry.name)} says",
            mend=_AGAIN.format(entry.name),
        )
    return VerifyResult(entry.name, path, {entry.weights: actual})


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


def installed_gguf(file: Path) -> tuple[Path, str]:
    """Return a Hugging Face directory made from a GGUF file, once, and the hash of that file.

    Raises
    ------
    UsageError
        If the packages that read GGUF are missing.
    ModelError
        If transformers cannot read it.
    OutputError
        If the cache cannot be written.
    """
    require_gguf()
    sha256 = sha256_of(file)
    place = cache_root() / "models" / f"gguf-{sha256[:12]}"
    with output_errors(place):
        if not place.is_dir():
            place.parent.mkdir(parents=True, exist_ok=True)
            staging = Path(tempfile.mkdtemp(prefix=_STAGING_PREFIX, dir=place.parent))
            try:
                shutil.copyfile(file, staging / "model.gguf")
                convert_gguf(staging, "model.gguf", sha256)
                (staging / "model.gguf").unlink()  # the user has it
                with contextlib.suppress(OSError):  # another process was first
                    staging.rename(place)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
    return place, sha256


def _place(entry: CatalogueEntry) -> Path:
    return cache_root() / "models" / f"{entry.name}-{entry.sha256[:12] if entry.sha256 else 'first-use'}"


def _sources(entry: CatalogueEntry) -> tuple[Source, ...]:
    root = os.environ.get(MODELS)
    own = (DirectorySource(Path(root).expanduser() / entry.name),) if root else ()
    return (*own, *entry.sources)


def _fetch(entry: CatalogueEntry, staging: Path, *, quiet: bool) -> Path:
    """Return a folder in `staging` with the checked and converted model of the first source that has it."""
    failures: list[str] = []
    for number, (source, weights) in enumerate(_attempts(entry, quiet=quiet)):
        folder = staging / str(number)  # one an attempt: half of one and half of another make no model
        folder.mkdir()
        try:
            source.fetch((weights, *_SIDE_FILES), folder)
            _fetch_shards(source, weights, folder)
            _check_complete(entry, weights, folder)
        except (SourceFailedError, OSError, zipfile.BadZipFile) as error:
            failures.append(f"{source}: {error}")
            continue
        sha256 = _check_fetched(entry, weights, source, folder)
        if entry.kind == "gguf":
            _say(f"converting {entry.name} to safetensors, once; this takes about 20 seconds", quiet=quiet)
            convert_gguf(folder, weights, sha256)
        elif weights == CHECKPOINT:
            _say(f"converting {entry.name} to safetensors, once", quiet=quiet)
            convert_checkpoint(folder, sha256)
        if entry.sha256 is None and recorded_sha256(entry.name) is None:
            _say(f"trusting {entry.name} on first use; its sha256 is checked from now on", quiet=quiet)
            record(entry.name, sha256, str(source))
        return folder
    raise _nowhere(entry, failures)


def _attempts(entry: CatalogueEntry, *, quiet: bool) -> Iterator[tuple[Source, str]]:
    """Yield each source with the weights to ask it for; where no hash is known, in any of three forms."""
    for source in _sources(entry):
        _say(f"fetching {entry.name} from {source}", quiet=quiet)
        for weights in (entry.weights,) if entry.sha256 else (entry.weights, INDEX, CHECKPOINT):
            yield source, weights


def _fetch_shards(source: Source, weights: str, folder: Path) -> None:
    """Fetch the files that an index of weights names; of T5 and its kind, those of the encoder."""
    if weights == INDEX and all((folder / name).is_file() for name in (INDEX, "config.json")):
        source.fetch(sorted(Path(name).name for name in needed_shards(folder)), folder)


def _check_complete(entry: CatalogueEntry, weights: str, folder: Path) -> None:
    needed = {"gguf": [], "static": ["tokenizer.json"]}.get(entry.kind, ["config.json"])
    missing = [name for name in (weights, *needed) if not (folder / name).is_file()]
    if entry.kind == "transformer" and not has_vocabulary(folder):
        missing.append("tokenizer.json")
    if missing:
        raise SourceFailedError(f"it has no {', '.join(missing)}")


def _check_fetched(entry: CatalogueEntry, weights: str, source: Source, folder: Path) -> str:
    """Return the weights' hash, and refuse other weights than are known.

    That is without a look at the next source: somebody has to know of them.
    """
    mend = f"do not use what {source} gives: mend or remove that source"
    if entry.sha256 is not None:
        check_sha256(folder / weights, entry.sha256, mend=mend)
        return entry.sha256
    is_checkpoint = weights == CHECKPOINT
    actual = sha256_of(folder / weights) if is_checkpoint else ModelDirectory(folder).weights_sha256()
    trusted = recorded_sha256(entry.name)
    if trusted not in (None, actual):
        raise ModelError(
            f"weights of {entry.name} from {source} with sha256 {actual}",
            expected=f"sha256 {trusted}, as they first came",
            mend=f"{mend}; or remove {record_path(entry.name)}, if you trust them",
        )
    return actual


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
        verify_entry(entry)
    except ModelError:
        return False
    return True


def _remove_stale(models: Path) -> None:
    """Remove what killed processes left, and nothing that a living one may still fill."""
    for path in models.glob(f"{_STAGING_PREFIX}*"):
        with contextlib.suppress(FileNotFoundError):  # its own process may be done with it just now
            if is_stale(path):
                shutil.rmtree(path, ignore_errors=True)


def _nowhere(entry: CatalogueEntry, failures: list[str]) -> ModelError:
    listed = "; ".join(dict.fromkeys(failures))  # three forms of weights may have failed alike
    return ModelError(
        f"no {entry.name} from any of its {len(_sources(entry))} sources ({listed})",
        expected=f"{entry.weights} with sha256 {entry.sha256[:12]}..." if entry.sha256 else "its weights",
        mend=f"mend or allow one of those, or set {MODELS} to a folder with the files in its {entry.name}/",
    )


def _say(message: str, *, quiet: bool) -> None:
    if not quiet and os.environ.get("EMBEDREG_PROGRESS") != "0":
        sys.stderr.write(f"embedreg: {message}\n")
