from __future__ import annotations

import subprocess
import sys

import pytest

from embedreg.core.devices import check_device_name
from embedreg.core.errors import UsageError


@pytest.mark.parametrize("name", ["auto", "cpu", "cuda", "cuda:0", "cuda:11", "mps", "xpu", "meta"])
def test_names_that_torch_knows(name):
    check_device_name(name)


@pytest.mark.parametrize(
    "name", ["foo", "", "cuda:", "cuda:x", "cuda:007", "cuda:-1", "CUDA", "auto:1", "cpu "]
)
def test_names_that_torch_cannot_mean(name):
    with pytest.raises(UsageError, match="cuda:1"):
        check_device_name(name)


def test_torch_is_not_asked_about_common_names():
    code = (
        "import sys; from embedreg.core.devices import check_device_name as check;"
        " [check(name) for name in ('auto', 'cpu', 'cuda:1', 'mps')]; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
