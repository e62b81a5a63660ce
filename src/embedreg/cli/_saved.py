"""Models saved by `embedreg fit`, which say what of a row is their input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embedreg.core.errors import SavedModelError

if TYPE_CHECKING:
    from pathlib import Path

    from embedreg.regressor import EmbeddingRegressor
    from embedreg.tasks import InputSpec


def load_saved(model: Path, *, cache: bool = True) -> tuple[EmbeddingRegressor, InputSpec]:
    """Load a saved regressor, and how a row becomes its record.

    Raises
    ------
    SavedModelError
        If it is damaged, or was saved from Python without saying what its input is.
    """
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
