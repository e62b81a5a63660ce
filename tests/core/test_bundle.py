from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from embedreg.core.bundle import check_free, read_bundle, write_bundle
from embedreg.core.errors import OutputError


@pytest.fixture
def saved(tmp_path):
    write_bundle(tmp_path / "model", "thing", {"a": b"1"})
    return tmp_path / "model"


def test_what_is_written_is_read(saved):
    assert read_bundle(saved, "thing") == {"a": b"1"}
    assert saved.stat().st_mode & 0o777 == 0o755


def test_a_saved_object_is_replaced_where_that_is_allowed(saved):
    with pytest.raises(OutputError, match="--overwrite"):
        write_bundle(saved, "thing", {"b": b"2"})
    write_bundle(saved, "thing", {"b": b"2"}, overwrite=True)
    assert read_bundle(saved, "thing") == {"b": b"2"}
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


def test_a_link_to_a_saved_object_stays_one_and_its_folder_keeps_its_permissions(saved):
    saved.chmod(0o700)
    link = saved.with_name("link")
    link.symlink_to("model")
    write_bundle(link, "thing", {"b": b"2"}, overwrite=True)
    assert link.is_symlink()
    assert read_bundle(saved, "thing") == {"b": b"2"}
    assert saved.stat().st_mode & 0o777 == 0o700


def other_program(folder):
    (folder / "manifest.json").write_text('{"name": "a web app"}')


def notes_beside(folder):
    write_bundle(folder / "inner", "thing", {"a": b"1"})
    for path in (folder / "inner").iterdir():
        path.rename(folder / path.name)
    (folder / "inner").rmdir()
    (folder / "notes.txt").write_text("mine")


@pytest.mark.parametrize("fill", [lambda _: None, other_program, notes_beside])
def test_nothing_else_is_ever_replaced(tmp_path, fill):
    folder = tmp_path / "precious"
    folder.mkdir()
    fill(folder)
    before = sorted(path.name for path in folder.iterdir())
    with pytest.raises(OutputError, match="not a saved model or holds other files"):
        check_free(folder, overwrite=True)
    with pytest.raises(OutputError):
        write_bundle(folder, "thing", {"a": b"2"}, overwrite=True)
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.parametrize("stopped_at", range(6))
def test_an_interruption_leaves_the_old_or_the_new(saved, monkeypatch, stopped_at):
    steps = iter(range(10))

    def counted(real):
        def step(*args, **kwargs):
            if next(steps) == stopped_at:
                raise KeyboardInterrupt
            return real(*args, **kwargs)

        return step

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", counted(Path.rename))
        patched.setattr(Path, "write_bytes", counted(Path.write_bytes))
        patched.setattr(shutil, "rmtree", counted(shutil.rmtree))
        with suppress(KeyboardInterrupt):
            write_bundle(saved, "thing", {"a": b"2"}, overwrite=True)
    assert read_bundle(saved, "thing") in ({"a": b"1"}, {"a": b"2"})
