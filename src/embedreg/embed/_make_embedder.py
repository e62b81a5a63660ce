"""From a name, a path or an embedder to an embedder."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from embedreg.core.errors import UsageError, unknown_name
from embedreg.core.protocols import Embedder
from embedreg.embed._catalogue import catalogue
from embedreg.embed._install import installed_path, pull
from embedreg.embed._model_spec import parse_model_spec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from embedreg.embed._catalogue import CatalogueEntry

# kind of a model -> module whose `build(directory, entry, options)` makes its embedder
_ENGINES: Final = {
    "transformer": "embedreg.embed._transformer",
    "gguf": "embedreg.embed._transformer",
}

# prefix of a model's string -> module whose `build(name, options)` makes the embedder of a service; the options
# are the settings as they were written
_SERVICES: Final[dict[str, str]] = {
    "openai": "embedreg.embed.services._openai",
    "gemini": "embedreg.embed.services._gemini",
}


@dataclass(frozen=True)
class EngineOptions:
    """What a user may choose about an engine; see `make_embedder`."""

    pooling: str = "mean"
    layers: str | int = "last"
    dtype: str = "float32"
    device: str = "auto"
    batch_tokens: int | None = None

    def with_written(self, model: str, written: Mapping[str, str]) -> EngineOptions:
        """Return these options with those in a model's string, each of which may be given in one place only."""
        values: dict[str, Any] = {}
        defaults = {field.name: field.default for field in fields(self)}
        for name, text in written.items():
            if name not in defaults:
                raise unknown_name(f"setting in model {model!r}", name, defaults)
            values[name] = _READERS.get(name, str)(text)
            if getattr(self, name) not in (defaults[name], values[name]):
                raise UsageError(
                    f"{name}={getattr(self, name)!r} beside model {model!r}",
                    expected=f"{name} in one place",
                    mend=f"leave out {name} here or there",
                )
        return replace(self, **values)


def _read_layers(text: str) -> str | int:
    return int(text) if text.lstrip("-").isdigit() else text


def _read_tokens(text: str) -> int:
    if not text.isdigit():
        raise UsageError(f"batch_tokens={text}", expected="a whole number", mend="leave it out")
    return int(text)


# how an option that is no text is read from a model's string
_READERS: Final[dict[str, Callable[[str], Any]]] = {"layers": _read_layers, "batch_tokens": _read_tokens}


def make_embedder(
    model: str | Path | Embedder,
    *,
    pooling: str = "mean",
    layers: str | int = "last",
    dtype: str = "float32",
    device: str = "auto",
    batch_tokens: int | None = None,
) -> Embedder:
    """Return the embedder of a model. Weights are fetched if they are absent, and loaded on first use.

    Parameters
    ----------
    model
        A name of the catalogue; else the path of a Hugging Face directory with weights in safetensors; or
        an embedder, which is returned as it is and has its own settings. A directory with a name of the
        catalogue is given as "./name" or as a `Path`. A name or path may carry the settings below:
        "minilm?layers=all&pooling=max".
    pooling
        "mean", "mean_padded" (as the study's authors), "max", "last" or "first".
    layers
        "last", "all" (the outputs of all layers, one after the other), or the number of one layer, 0 being
        the input to the first.
    dtype
        "float32" or "bfloat16".
    device
        "auto" (cuda, else mps, else cpu) or a torch device name.
    batch_tokens
        Tokens in a batch at most; by default it suits the device.

    Raises
    ------
    UsageError
        If the model or a setting is unknown.
    ModelError
        If the weights cannot be fetched or trusted.

    Examples
    --------
    >>> make_embedder("minilm", layers="all")  # doctest: +SKIP
    TransformerEmbedder('minilm', pooling='mean', layers='all', dtype='float32')
    >>> make_embedder("minilmm")
    Traceback (most recent call last):
    ...
    embedreg.core.errors.UsageError: got model 'minilmm'; ... did you mean 'minilm'?
    """
    if isinstance(model, Embedder):
        return model
    options = EngineOptions(pooling, layers, dtype, device, batch_tokens)
    if isinstance(model, str) and not Path(model).expanduser().exists():
        written = model
        model, settings = parse_model_spec(written)
        service, colon, name = model.partition(":")
        if colon and service in _SERVICES:
            module = importlib.import_module(_SERVICES[service])
            return cast("Embedder", module.build(name, settings))
        options = options.with_written(written, settings)
    if isinstance(model, str) and model in catalogue():
        entry = catalogue()[model]
        return _builder(entry.kind)(installed_path(entry) or pull(model), entry, options)
    return _builder("transformer")(_existing_directory(model), None, options)


def _builder(kind: str) -> Callable[[Path, CatalogueEntry | None, EngineOptions], Embedder]:
    build: Callable[[Path, CatalogueEntry | None, EngineOptions], Embedder]
    build = importlib.import_module(_ENGINES[kind]).build
    return build


def _existing_directory(model: str | Path) -> Path:
    path = Path(model).expanduser()
    if path.is_dir():
        return path
    if isinstance(model, str) and not _looks_like_path(model):
        raise unknown_name("model", model, catalogue())
    raise UsageError(
        f"model {str(model)!r}, and there is no such directory",
        expected=f"a Hugging Face directory, or one of {', '.join(sorted(catalogue()))}",
        mend="check the path; `hf download OWNER/NAME --local-dir DIRECTORY` fetches a model of the hub",
    )


def _looks_like_path(model: str) -> bool:
    return model.startswith((".", "~")) or "/" in model or os.sep in model or Path(model).exists()
