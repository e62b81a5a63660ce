"""How a model's authors pool, as a Sentence-Transformers directory says it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from embedreg.core.errors import ModelError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

_MODULES: Final = "modules.json"
# how the published settings name what is here called otherwise
_POOLINGS: Final = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_cls_token": "first",
    "pooling_mode_lasttoken": "last",
    "pooling_mode_weightedmean_tokens": "weighted",
    "mean": "mean",
    "max": "max",
    "cls": "first",
    "lasttoken": "last",
    "weightedmean": "weighted",
}


class PublishedPooling(NamedTuple):
    """What `pooling="model"` stands for.

    Attributes
    ----------
    pooling
        A name of `embedreg.embed._pooling`.
    normalised
        Whether each vector is then divided by its length.
    """

    pooling: str
    normalised: bool

    def __str__(self) -> str:
        return f"{self.pooling}, normalised" if self.normalised else self.pooling


def published_pooling(directory: Path) -> PublishedPooling:
    """Return how the model's authors pool.

    Raises
    ------
    UsageError
        If the directory does not say it, or they do something that is not done here: several poolings at
        once, a pooling without a name here, or a dense layer behind it.
    ModelError
        If the files cannot be read.
    """
    if not (directory / _MODULES).is_file():
        raise UsageError(
            f"pooling='model' for {directory}, which does not say how its authors pool",
            expected=f"a Sentence-Transformers directory, with {_MODULES}",
            mend="choose a pooling by name",
        )
    modules = {str(module["type"]).rpartition(".")[2]: module for module in _read(directory / _MODULES)}
    unknown = sorted(set(modules) - {"Transformer", "Pooling", "Normalize"})
    if unknown or "Pooling" not in modules:
        raise _not_done_here(f"the module {unknown[0]}" if unknown else "no pooling", directory)
    settings = _read(directory / modules["Pooling"]["path"] / "config.json")
    if settings.get("include_prompt") is False:
        raise _not_done_here("a pooling that leaves out the prompt", directory)
    return PublishedPooling(_named(settings, directory), "Normalize" in modules)


def offer(directory: Path) -> str:
    """Return what `pooling="model"` would do, or nothing if it is not offered.

    Examples
    --------
    >>> from pathlib import Path
    >>> offer(Path("nowhere"))
    ''
    """
    try:
        return str(published_pooling(directory))
    except (UsageError, ModelError):
        return ""


def _named(settings: dict[str, Any], directory: Path) -> str:
    mode = settings.get("pooling_mode")  # newer releases write one name, older ones a flag for each
    modes = (
        [mode] if mode else [key for key, chosen in settings.items() if key in _flags(settings) and chosen]
    )
    if len(modes) != 1 or modes[0] not in _POOLINGS:
        raise _not_done_here(f"pooling {' and '.join(map(str, modes)) or 'without a name'}", directory)
    return _POOLINGS[modes[0]]


def _flags(settings: dict[str, Any]) -> list[str]:
    return [key for key in settings if key.startswith("pooling_mode_")]


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"an unreadable {path}: {error}", expected="JSON", mend="download the model again"
        ) from error


def _not_done_here(what: str, directory: Path) -> UsageError:
    return UsageError(
        f"pooling='model' for {directory}, whose authors have {what}",
        expected="mean, max, first, last or weighted pooling, normalised or not, and nothing behind it",
        mend="choose a pooling by name",
    )
