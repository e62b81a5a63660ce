"""Names that packages load when they are first used."""

from __future__ import annotations

import gc
import importlib
import subprocess
import sys

import pytest

from embedreg.core.errors import UsageError
from embedreg.core.lazy import lazy_names, uncollected

PACKAGES = ["embedreg", "embedreg.embed", "embedreg.heads", "embedreg.report", "embedreg.study"]


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_has_and_lists_its_public_names(name):
    package = importlib.import_module(name)

    assert dir(package) == sorted(package.__all__)
    assert all(getattr(package, public) is not None for public in package.__all__)


@pytest.mark.parametrize("name", PACKAGES)
def test_any_other_name_is_refused_as_python_does(name):
    package = importlib.import_module(name)

    with pytest.raises(AttributeError, match=f"^module '{name}' has no attribute 'nothing'$"):
        package.nothing  # noqa: B018 (the module raises)
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        exec(f"from {name} import nothing")


@pytest.mark.parametrize("name", PACKAGES)
def test_importing_a_package_loads_nothing_heavy(name):
    code = f"import sys, {name}; sys.exit(', '.join({{'torch', 'transformers', 'xgboost'}} & set(sys.modules)) or 0)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_what_a_name_needs_is_asked_for_first():
    def require():
        raise UsageError("nothing", expected="a package", mend="install it")

    load, names = lazy_names("embedreg.core", ["no_such"], {"no_such_module": ["no_such"]}, require=require)

    assert names() == ["no_such"]
    with pytest.raises(UsageError, match="a package"):
        load("no_such")
    with pytest.raises(AttributeError, match=r"'embedreg\.core' has no attribute 'other'"):
        load("other")


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_is_collected_as_before_after_imports(enabled):
    was = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        with pytest.raises(ImportError), uncollected():
            assert not gc.isenabled()
            importlib.import_module("embedreg.nothing")
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if was else gc.disable)()
