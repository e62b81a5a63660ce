from __future__ import annotations

import subprocess
import sys

import pytest

import embedreg.heads
from embedreg.core.errors import SavedModelError, UsageError
from embedreg.core.protocols import SavedState
from embedreg.heads import HEADS, Head, head_from_state, make_head


def test_names_are_those_of_the_classes() -> None:
    assert list(HEADS) == ["ridge", "mlp", "xgboost", "gp", "extra_trees", "mean"]
    assert len(HEADS) == 6
    for name, head in HEADS.items():
        assert issubclass(head, Head)
        assert head.name == name


def test_every_public_name_exists() -> None:
    for name in embedreg.heads.__all__:
        assert getattr(embedreg.heads, name) is not None
    assert set(embedreg.heads.__all__) <= set(dir(embedreg.heads))
    with pytest.raises(AttributeError, match="SVMHead"):
        _ = embedreg.heads.SVMHead


def test_an_unknown_name_is_told_with_the_nearest_one() -> None:
    with pytest.raises(UsageError, match="did you mean 'ridge'"):
        make_head("rigde")
    assert "rigde" not in HEADS
    with pytest.raises(KeyError):
        _ = HEADS["rigde"]


def test_an_unknown_saved_kind_is_refused() -> None:
    with pytest.raises(SavedModelError, match="svm"):
        head_from_state(SavedState({"head": "svm"}))
    with pytest.raises(SavedModelError):
        head_from_state(SavedState({}))


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import embedreg.heads; list(embedreg.heads.HEADS)", {"torch", "xgboost", "sklearn", "scipy"}),
        ("from embedreg.heads import RidgeHead, MLPHead, MeanHead", {"torch", "xgboost"}),
    ],
)
def test_importing_loads_nothing_heavy(code: str, absent: set[str]) -> None:
    script = f"{code}\nimport sys; print(*(set({absent!r}) & set(sys.modules)))"
    loaded = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout.split()
    assert loaded == []
