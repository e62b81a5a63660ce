"""GGUF weights, converted once to the safetensors that everything else reads."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from embedreg.core.errors import ModelError, UsageError
from embedreg.core.files import sha256_of
from embedreg.embed._quiet import quiet_transformers

if TYPE_CHECKING:
    from pathlib import Path

RECORD: Final = "conversion.json"
_CONVERTED: Final = "model.safetensors"


@dataclass(frozen=True)
class Conversion:
    """What was converted to what; kept as `conversion.json` beside the weights.

    Attributes
    ----------
    source_sha256
        Of the GGUF file.
    weights, sha256
        File name and sha256 of the safetensors made from it.
    """

    source_sha256: str
    weights: str
    sha256: str


def require_gguf() -> None:
    """Refuse before any download when the packages that read GGUF are missing.

    Raises
    ------
    UsageError
        If `gguf` or `accelerate` is not installed.
    """
    missing = [name for name in ("gguf", "accelerate") if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"a GGUF model without {' and '.join(missing)}",
            expected="the packages that read GGUF weights",
            mend="pip install 'embedreg[gguf]'",
        )


def convert_gguf(directory: Path, weights: str, sha256: str) -> None:
    """Write a GGUF model out as safetensors in float32 with its tokenizer, in the same directory.

    Parameters
    ----------
    directory
        Where the GGUF file is.
    weights, sha256
        Its name and its hash.

    Raises
    ------
    ModelError
        If transformers cannot read it.
    """
    import torch
    from safetensors.torch import save_file
    from transformers import AutoModel, AutoTokenizer

    # transformers draws a bar of its own here whatever its settings are
    with quiet_transformers(), contextlib.redirect_stderr(io.StringIO()):
        try:
            tokenizer = AutoTokenizer.from_pretrained(directory, gguf_file=weights)
            model = AutoModel.from_pretrained(directory, gguf_file=weights, dtype=torch.float32)
        except Exception as error:  # the readers of tokenizer and tensors raise many kinds
            raise ModelError(
                f"{type(error).__name__} while reading {weights}: {error}",
                expected="a GGUF model that transformers can convert",
                mend="upgrade transformers and gguf",
            ) from error
        tokenizer.save_pretrained(directory)
        model.config.save_pretrained(directory)
    # model.save_pretrained refuses what was read from GGUF, although these tensors are plain float32
    save_file(model.state_dict(), directory / _CONVERTED, metadata={"format": "pt"})
    (directory / _CONVERTED).chmod((directory / weights).stat().st_mode)  # it is made for its owner alone
    _forget_gguf(directory / "config.json")
    record = Conversion(sha256, _CONVERTED, sha256_of(directory / _CONVERTED))
    (directory / RECORD).write_text(json.dumps(dataclasses.asdict(record), indent=1), encoding="utf-8")


def is_converted(directory: Path) -> bool:
    """Whether the weights in a directory were made by `convert_gguf`."""
    return (directory / RECORD).is_file()


def read_conversion(directory: Path) -> Conversion:
    """Return what `convert_gguf` recorded.

    Raises
    ------
    ModelError
        If there is no such record, or it is damaged.
    """
    try:
        return Conversion(**json.loads((directory / RECORD).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(
            f"no readable {RECORD} in {directory}",
            expected="the record of the conversion from GGUF",
            mend=f"remove {directory}; the model is then fetched and converted again",
        ) from error


def _forget_gguf(config: Path) -> None:
    """Drop what says that the weights are quantised: they no longer are."""
    settings = json.loads(config.read_text(encoding="utf-8"))
    settings.pop("quantization_config", None)
    config.write_text(json.dumps(settings, indent=2), encoding="utf-8")
