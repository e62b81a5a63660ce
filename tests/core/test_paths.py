"""Where things are kept."""

from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest

from embedreg.core.errors import UsageError
from embedreg.core.paths import cache_root


def test_the_variable_says_where(monkeypatch):
    monkeypatch.setenv("EMBEDREG_CACHE_DIR", "~/here")
    assert cache_root() == Path.home() / "here"


def test_a_user_who_is_not_there(monkeypatch):
    monkeypatch.setenv("EMBEDREG_CACHE_DIR", "~no-such-user/here")
    with pytest.raises(UsageError, match="EMBEDREG_CACHE_DIR=~no-such-user/here, of an unknown user"):
        cache_root()


def test_no_home_directory(monkeypatch):
    def homeless(*_: object, **__: object) -> str:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.delenv("EMBEDREG_CACHE_DIR", raising=False)
    monkeypatch.setattr(platformdirs, "user_cache_dir", homeless)
    with pytest.raises(UsageError, match="no home directory.*set EMBEDREG_CACHE_DIR"):
        cache_root()
