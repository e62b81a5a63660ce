"""From a name, a path or an embedder to an embedder."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from embedreg.core.arguments import check_model
from embedreg.core.errors import UnknownModelError, UsageError, unknown_name
from embedreg.core.protocols import Embedder
from embedreg.embed._catalogue import catalogue
from embedreg.embed._hub import hub_entry
from embedreg.embed._install import installed_gguf, installed_path, pull_entry, trusted_sha256
from embedreg.embed._layers import read_layers
from embedreg.embed._model_directory import is_static
from embedreg.embed._model_spec import parse_model_spec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# kind of a model -> module whose `build(directory, options, name=..., sha256=..., window=...)` makes its embedder
_ENGINES: Final = {
    "transformer": "embedreg.embed._transformer",
    "gguf": "embedreg.embed._transformer",
    "static": "embedreg.embed._static",
}

# prefix of a model's string -> module whose `build(name, options)` makes the embedder of a service; the options
# are the settings as they were written
_SERVICES: Final[dict[str, str]] = {
    "openai": "embedreg.embed.services._openai",
    "gemini": "embedreg.embed.services._gemini",
}


AUTO: Final = "auto"
_DEFAULTS: Final[dict[str, Any]] = {"pooling": "mean", "layers": "last"}  # where they are "auto"


_OF_THE_MACHINE: Final = ("device", "batch_tokens")  # they change no vector


@dataclass(frozen=True)
class EngineOptions:
    """What a user may choose about an engine; see `make_embedder`."""

    pooling: str = AUTO
    layers: str | int = AUTO
    dtype: str = "auto"
    device: str = "auto"
    batch_tokens: int | None = None
    weights: str = "pretrained"
    seed: int | None = None
    forward: bool = True
    prompt: str = ""

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

    def refuse_beside(self, name: str, reason: str) -> None:
        """Refuse options that would change vectors beside what has no such options; where it runs may be said."""
        said = [
            f"{field.name}={value!r}"
            for field in fields(self)
            if (value := getattr(self, field.name)) != field.default and field.name not in _OF_THE_MACHINE
        ]
        if said:
            raise UsageError(
                f"{', '.join(said)} beside model {name!r}",
                expected=f"no such settings: {reason}",
                mend="leave them out",
            )

    def decided(self) -> EngineOptions:
        """Return these options with the pooling and layers that are taken where none are given."""
        return replace(self, **{k: default for k, default in _DEFAULTS.items() if getattr(self, k) == AUTO})


def _whole_number(text: str) -> int:
    if not text.isdigit():
        raise UsageError(
            f"{text!r} in a model's string", expected="a whole number", mend="write digits alone"
        )
    return int(text)


def _true_or_false(text: str) -> bool:
    if text not in ("true", "false"):
        raise UsageError(f"{text!r} in a model's string", expected="true or false", mend="write one of those")
    return text == "true"


# how an option that is no text is read from a model's string
_READERS: Final[dict[str, Callable[[str], Any]]] = {
    "layers": read_layers,
    "batch_tokens": _whole_number,
    "seed": _whole_number,
    "forward": _true_or_false,
}


def make_embedder(
    model: str | Path | Embedder,
    *,
    pooling: str = AUTO,
    layers: str | int = AUTO,
    dtype: str = "auto",
    device: str = "auto",
    batch_tokens: int | None = None,
    weights: str = "pretrained",
    seed: int | None = None,
    forward: bool = True,
    prompt: str = "",
) -> Embedder:
    """Return the embedder of a model. Weights are fetched if they are absent, and loaded on first use.

    Parameters
    ----------
    model
        A name of the catalogue; else the path of a Hugging Face directory with weights in safetensors, of a
        model2vec directory or of a GGUF file; else "hub:OWNER/NAME" or "hub:OWNER/NAME@REVISION"; or
        an embedder, which is returned as it is and has its own settings: beside it, as beside a service's model, only `device`
        and `batch_tokens` may be given, and are not used. A directory with a name of the
        catalogue is given as "./name" or as a `Path`. A name or path may carry the settings below,
        each of which may be given in one place only: "minilm?layers=all&pooling=max".
    pooling
        "mean", "mean_padded" (as the study's authors), "weighted", "max", "last", "first", or "model" (as a
        Sentence-Transformers directory says). "auto" is the model's string's, or else "mean".
    layers
        "auto" (the model's string's, or else "last"),
        "last", "all" (the outputs of all layers, one after the other), "2-4" (those of a range), "mean" or
        "mean:2-4" (their average), or the number of one layer, 0 being the input to the first.
    dtype
        "float32", "bfloat16", "float16" (GPUs alone), "int8" (rough) or "auto" (bfloat16 where it was measured to be faster).
    device
        "auto" (cuda, else mps, else cpu) or a torch device name.
    batch_tokens
        Tokens in a batch at most; by default it suits the device.
    weights, seed
        "pretrained"; or "random", the architecture's own initialisation from a seed.
    forward
        Whether the transformer is run, or its vectors of the vocabulary are pooled as they are.
    prompt
        Put before each text.

    Raises
    ------
    UnknownModelError
        If the name or path of the model leads nowhere.
    UsageError
        If a setting is unknown or means nothing to the model, or the model is no name, path or embedder.
    ModelError
        If the weights cannot be fetched or trusted.

    Examples
    --------
    >>> make_embedder("minilm", layers="all")  # doctest: +SKIP
    TransformerEmbedder('minilm', pooling='mean', layers='all', dtype='auto')
    >>> make_embedder("minilmm")
    Traceback (most recent call last):
    ...
    embedreg.core.errors.UnknownModelError: got model 'minilmm'; ... did you mean 'minilm'?
    """
    check_model(model)
    options = EngineOptions(
        pooling,
        layers,
        dtype,
        device,
        batch_tokens,
        weights=weights,
        seed=seed,
        forward=forward,
        prompt=prompt,
    )
    if isinstance(model, Embedder):
        options.refuse_beside(
            model.name, "an embedder that is given as an object computes vectors in its own way"
        )
        return model
    if isinstance(model, str) and not _is_there(Path(model).expanduser()):
        written = model
        model, settings = parse_model_spec(written)
        if asks_a_service(model):
            service, _, name = model.partition(":")
            options.refuse_beside(model, "a service computes vectors in its own way")
            return _service_embedder(service, name, settings)
        options = options.with_written(written, settings)
    options = options.decided()
    if isinstance(model, str) and (entry := catalogue().get(model) or hub_entry(model)):
        directory = installed_path(entry) or pull_entry(entry)
        known = {"name": entry.name, "sha256": trusted_sha256(entry), "window": entry.window}
        return _builder(entry.kind)(directory, options, **known)
    path = Path(model).expanduser()
    if path.suffix == ".gguf" and path.is_file():
        directory, sha256 = installed_gguf(path)
        return _builder("gguf")(directory, options, name=path.stem, sha256=sha256)
    path = _existing_directory(model)
    return _builder("static" if is_static(path) else "transformer")(path, options)


def anchored(model: str) -> str:
    """Return a model's string which means the same in any working directory: that of a directory or file has its whole path.

    Examples
    --------
    >>> anchored("minilm?layers=all")
    'minilm?layers=all'
    """
    name, mark, settings = (model, "", "") if _is_there(Path(model).expanduser()) else model.partition("?")
    is_path = name not in catalogue() and ":" not in name and _is_there(Path(name).expanduser())
    return f"{Path(name).expanduser().absolute()}{mark}{settings}" if is_path else model


def asks_a_service(model: object) -> bool:
    """Return whether a model's string names the model of a service.

    Examples
    --------
    >>> asks_a_service("openai:text-embedding-3-small"), asks_a_service("minilm"), asks_a_service("hub:owner/name")
    (True, False, False)
    """
    return isinstance(model, str) and model.partition(":")[0] in _SERVICES and ":" in model


def _service_embedder(service: str, name: str, settings: Mapping[str, str]) -> Embedder:
    if not name:
        raise UsageError(f"no model after '{service}:'", expected=f"{service}:MODEL", mend="name the model")
    return cast("Embedder", importlib.import_module(_SERVICES[service]).build(name, settings))


def _builder(kind: str) -> Callable[..., Embedder]:
    build: Callable[..., Embedder] = importlib.import_module(_ENGINES[kind]).build
    return build


def _existing_directory(model: str | Path) -> Path:
    path = Path(model).expanduser()
    if _is_there(path) and path.is_dir():
        return path
    if isinstance(model, str) and not _looks_like_path(model):
        raise unknown_name("model", model, catalogue(), kind=UnknownModelError)
    raise UnknownModelError(
        f"model {str(model)!r}, and there is no such directory",
        expected=f"a Hugging Face directory, or one of {', '.join(sorted(catalogue()))}",
        mend=f"check the path; a model of the hub is written {_as_hub_model(model)}",
    )


def _as_hub_model(model: str | Path) -> str:
    owner, _, name = str(model).partition("/")
    is_one = owner not in ("", ".", "..", "~") and name and "/" not in name
    return f"hub:{model}" if is_one else "hub:OWNER/NAME"


def _looks_like_path(model: str) -> bool:
    return model.startswith((".", "~")) or "/" in model or os.sep in model or _is_there(Path(model))


def _is_there(path: Path) -> bool:
    """Return whether there is such a path; what is too long to be the name of a file, as a model with its prompt, is none."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
