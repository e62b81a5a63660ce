"""Files that are written whole, where the path leads, and for those who could read them before."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from embedreg.core.errors import OutputError
from embedreg.core.files import output_errors, whole_file


def write(path, text):
    with whole_file(path) as temporary:
        temporary.write_text(text)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def links(tmp_path):
    """A link to a link to a file in another folder."""
    file = tmp_path / "there" / "file.csv"
    file.parent.mkdir()
    file.write_text("old")
    (tmp_path / "between.csv").symlink_to(file)
    (tmp_path / "link.csv").symlink_to("between.csv")
    return tmp_path / "link.csv", file


def test_a_link_stays_and_what_it_leads_to_is_replaced(links):
    link, file = links
    write(link, "new")
    assert link.is_symlink()
    assert (file.read_text(), link.read_text()) == ("new", "new")
    assert [path.name for path in file.parent.iterdir()] == ["file.csv"]


def test_a_link_that_leads_to_nothing_yet_leads_to_the_new_file(links):
    link, file = links
    file.unlink()
    write(link, "new")
    assert link.is_symlink()
    assert file.read_text() == "new"


@pytest.mark.parametrize("private", [0o600, 0o640, 0o664])
def test_permissions_of_a_file_that_was_there_stay(tmp_path, private):
    path = tmp_path / "file.csv"
    path.write_text("old")
    path.chmod(private)
    write(path, "new")
    assert (path.read_text(), mode(path)) == ("new", private)


def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path):
    (tmp_path / "other").touch()
    write(tmp_path / "file.csv", "new")
    assert mode(tmp_path / "file.csv") == mode(tmp_path / "other")


def test_an_error_leaves_what_was_there(links):
    link, file = links
    with pytest.raises(RuntimeError), whole_file(link) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert file.read_text() == "old"
    assert [path.name for path in file.parent.iterdir()] == ["file.csv"]


def test_what_killed_runs_left_long_ago_of_the_same_file_is_removed(tmp_path):
    path = tmp_path / "out [1].npy"
    old, new, other = (
        tmp_path / name
        for name in (".out [1].npy.ab12_cd3.npy", ".out [1].npy.ab12_cd4.npy", ".no.npy.ab12_cd3.npy")
    )
    for left in (old, new, other):
        left.write_text("part")
    for left in (old, other):
        os.utime(left, (0, 0))

    with whole_file(path) as temporary:
        temporary.write_text("whole")

    assert sorted(tmp_path.iterdir()) == sorted([path, new, other])


@pytest.mark.parametrize(
    ("number", "mend"),
    [
        (errno.ENOENT, "mkdir -p"),
        (errno.ENOTDIR, "is a file, not a folder"),
        (errno.ENOSPC, "free space"),
        (errno.EACCES, "may be written to"),
    ],
)
def test_errors_of_the_system_say_what_mends_them(tmp_path, number, mend):
    with pytest.raises(OutputError, match=mend), output_errors(tmp_path / "x"):
        raise OSError(number, os.strerror(number))


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(OutputError, match="mkdir -p"):
        write(tmp_path / "nowhere" / "x.csv", "new")
