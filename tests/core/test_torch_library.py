"""torch's library, mapped ahead of its import."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import subprocess
import sys

import pytest
import torch

from embedreg.core.torch_library import map_torch_library

COUNT = "import torch; print(torch.ones(3, 3).mm(torch.ones(3, 3)).sum().item())"


@pytest.mark.skipif(sys.platform != "linux", reason="libraries have other names")
def test_the_library_is_mapped_before_torch_is_imported_which_works_as_ever():
    code = f"""
import sys
from pathlib import Path
from embedreg.core.torch_library import map_torch_library
map_torch_library().join()
print("torch" in sys.modules, "libtorch_cpu.so" in Path("/proc/self/maps").read_text())
print(map_torch_library() is None)
{COUNT}
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True", "False", "27.0"]


def test_nothing_is_done_where_torch_is_imported():
    assert torch
    assert map_torch_library() is None


@pytest.mark.parametrize(
    "found", [None, importlib.machinery.ModuleSpec("torch", None, origin="/nowhere/torch.py")]
)
def test_a_torch_without_that_library_is_left_to_its_import(found, monkeypatch):
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: found)
    assert map_torch_library() is None


def test_a_damaged_library_is_left_to_the_import(tmp_path, monkeypatch):
    library = tmp_path / "lib" / "libtorch_cpu.so"
    library.parent.mkdir()
    library.write_text("no library")
    spec = importlib.machinery.ModuleSpec("torch", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: spec)
    thread = map_torch_library()
    thread.join(30)
    assert not thread.is_alive()
