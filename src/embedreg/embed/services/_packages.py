"""The services' own clients, imported when they are first needed."""

from __future__ import annotations

import importlib
from typing import Any

from embedreg.core.errors import UsageError


def service_package(module: str) -> Any:
    """Import a client.

    Raises
    ------
    UsageError
        If it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UsageError(
            f"no package for {module!r} ({error})",
            expected="the clients of embedding services",
            mend="pip install 'embedreg[services]'",
        ) from error
