from __future__ import annotations

import re
import subprocess
import sys

import pytest

from embedreg.core.errors import UsageError
from embedreg.embed import DEFAULT_MODEL, catalogue
from embedreg.embed._catalogue import entry_named
from embedreg.embed._make_embedder import _ENGINES
from embedreg.embed._sources import HubSource


def test_default_comes_first():
    assert next(iter(catalogue())) == DEFAULT_MODEL == "minilm"


@pytest.mark.parametrize("entry", catalogue().values(), ids=lambda entry: entry.name)
def test_entries_are_complete(entry):
    assert entry.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", entry.sha256)
    assert entry.sha256 is not None or {type(source) for source in entry.sources} == {HubSource}
    assert catalogue()[entry.name] is entry
    assert entry.kind in _ENGINES
    assert entry.sources
    assert min(entry.dimension, entry.window, entry.parameters) > 0
    assert entry.licence
    assert entry.description


def test_a_caller_cannot_change_the_catalogue():
    catalogue().clear()

    assert DEFAULT_MODEL in catalogue()


def test_unknown_name_names_the_nearest():
    with pytest.raises(UsageError, match=r"model 'minilim'.*did you mean 'minilm'"):
        entry_named("minilim")


def test_listing_models_imports_neither_torch_nor_transformers():
    code = (
        "import sys; from embedreg.embed import catalogue, installed_path\n"
        "[installed_path(entry) for entry in catalogue().values()]\n"
        "sys.exit(', '.join({'torch', 'transformers', 'sklearn', 'xgboost'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
