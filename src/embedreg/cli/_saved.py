"""Models saved by `embedreg fit`, which say what of a row is their input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from embedreg.core.errors import SavedModelError
from embedreg.core.torch_library import map_torch_library

if TYPE_CHECKING:
    from pathlib import Path

    from embedreg.regressor import EmbeddingRegressor
    from embedreg.tasks import InputSpec

_NETWORK: Final = '"engine": "transformer"'  # in the fingerprint of an embedder that runs in torch


def load_saved(model: Path, *, cache: bool = True) -> tuple[EmbeddingRegressor, InputSpec]:
    """Load a saved regressor, and how a row becomes its record.

    Raises
    ------
    SavedModelError
        If it is damaged, or was saved from Python without saying what its input is.
    """
    if _has_a_network(model):
        map_torch_library()
    from embedreg.regressor import EmbeddingRegressor
    from embedreg.tasks import InputSpec

    regressor = EmbeddingRegressor.load(model, cache=cache)
    saved = regressor.extra_.get("input")
    if saved is None:
        raise SavedModelError(
            f"a model in {model} that was saved from Python, which does not say what of a row is its input",
            expected="a model saved by `embedreg fit`",
            mend="save it with extra={'input': InputSpec(...).to_json()}, or predict from Python",
        )
    return regressor, InputSpec.from_json(saved)


def _has_a_network(model: Path) -> bool:
    """Return whether a saved model will want torch, as far as that can be told before its files are checked."""
    try:
        return any(_NETWORK in file.read_text(encoding="utf-8") for file in model.glob("*.json"))
    except (OSError, ValueError):  # which loading will explain
        return False
