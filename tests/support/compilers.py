"""Whether what the package has in C was to be compiled here."""

from __future__ import annotations

import shutil
import sys
import sysconfig
from pathlib import Path

import pytest

_HEADER = Path(sysconfig.get_path("include")) / "Python.h"
where_gcc_is = pytest.mark.skipif(
    sys.platform != "linux"
    or not shutil.which("gcc")
    or "gcc" not in sysconfig.get_config_var("CC")
    or not _HEADER.exists(),
    reason="the package is compiled where gcc made Python, and is there with Python's headers",
)
