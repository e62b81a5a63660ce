"""Tensors on a GPU that nobody has: torch works out their shapes, precisions and devices, and no number.

Two tensors of unlike devices are refused as a GPU refuses them, and so is whatever hangs on a number that a GPU has still to
compute (torch's FakeTensorMode).
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

if TYPE_CHECKING:
    from collections.abc import Iterator

# Builds of torch for processors alone know nothing that makes a GPU the current one, which indexing asks for.
_GUARD = """
#include <c10/core/impl/DeviceGuardImplInterface.h>
static c10::impl::NoOpDeviceGuardImpl<c10::DeviceType::CUDA> guard;
static c10::impl::DeviceGuardImplRegistrar registered(c10::DeviceType::CUDA, &guard);
"""
where_one_can_be_imagined = pytest.mark.skipif(
    torch.version.cuda is None and shutil.which("g++") is None,
    reason="torch without CUDA can imagine a GPU by code that g++ compiles",
)
GPU = torch.device("cuda:0")


@contextlib.contextmanager
def imagined_gpu() -> Iterator[torch.device]:
    """Let tensors be imagined, and trials that compare numbers succeed; models are made where they are to be."""
    if torch.version.cuda is None:
        _register_guard()
    with (
        mock.patch("torch.equal", return_value=True),
        mock.patch("torch.allclose", return_value=True),
        mock.patch("embedreg.embed._bert.packing_works", return_value=True),
        mock.patch("embedreg.embed._loading.packing_works", return_value=True),
        mock.patch("embedreg.embed._fused._agree", return_value=True),
        mock.patch("embedreg.embed._fused.is_kept", lambda _model, change, _undo: change() is None),
        mock.patch("torch.nn.Module.to", _to),
        mock.patch("embedreg.embed._batch.sent", lambda array, device: torch.from_numpy(array).to(device)),
        FakeTensorMode(allow_non_fake_inputs=True),
    ):
        yield GPU


def _to(module: torch.nn.Module, where: torch.device | torch.dtype) -> torch.nn.Module:
    """Do what `Module.to` does, which swaps the parameters themselves where they are imagined."""
    for numbers in (*module.parameters(), *module.buffers()):
        if isinstance(where, torch.device) or numbers.is_floating_point():
            numbers.data = numbers.data.to(where)
    return module


@functools.cache
def _register_guard() -> None:
    root = Path(torch.__file__).parent
    with tempfile.TemporaryDirectory() as scratch:
        source, library = Path(scratch) / "guard.cpp", Path(scratch) / "guard.so"
        source.write_text(_GUARD)
        includes = [f"-I{root / 'include'}", f"-I{root / 'include/torch/csrc/api/include'}"]
        links = [f"-L{root / 'lib'}", "-lc10"]
        options = ["-shared", "-fPIC", "-std=c++20"]
        subprocess.run(
            ["g++", *options, *includes, str(source), "-o", str(library), *links],
            check=True,
            capture_output=True,
        )
        ctypes.CDLL(str(library))
