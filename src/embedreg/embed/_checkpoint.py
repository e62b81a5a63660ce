"""A torch checkpoint (`pytorch_model.bin`), converted once to the safetensors that everything else reads.

Such a file is a pickle. It is read by torch's restricted reader, which makes tensors and nothing else, and only by
releases in which that reader is sound.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any, Final

from embedreg.core.errors import ModelError
from embedreg.core.files import sha256_of
from embedreg.embed._gguf import RECORD, Conversion
from embedreg.embed._model_directory import TEXT_ENCODERS, is_decoders

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CHECKPOINT: Final = "pytorch_model.bin"
_CONVERTED: Final = "model.safetensors"
_SOUND_TORCH: Final = (2, 6)  # CVE-2025-32434: before, a checkpoint could run code in spite of `weights_only`


def convert_checkpoint(directory: Path, sha256: str) -> None:
    """Write the checkpoint in a directory out as safetensors, without a decoder's tensors, and remove it.

    Parameters
    ----------
    directory
        With `pytorch_model.bin` and `config.json`.
    sha256
        Of the checkpoint.

    Raises
    ------
    ModelError
        If it holds anything but tensors, or torch is too old to read it safely.
    """
    from safetensors.torch import save_file

    config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    encoder_only = config.get("model_type") in TEXT_ENCODERS
    kept, places, storages = {}, set(), set()
    for name, tensor in _read(directory / CHECKPOINT).items():
        place = tensor.data_ptr(), tensor.shape, tensor.stride()
        if (encoder_only and is_decoders(name)) or place in places:
            continue
        places.add(place)
        storage = tensor.untyped_storage().data_ptr()
        kept[name] = (
            tensor.clone() if storage in storages else tensor.contiguous()
        )  # safetensors takes no number twice
        storages.add(storage)
    save_file(kept, directory / _CONVERTED, metadata={"format": "pt"})
    (directory / _CONVERTED).chmod((directory / CHECKPOINT).stat().st_mode)
    record = Conversion(sha256, _CONVERTED, sha256_of(directory / _CONVERTED))
    (directory / RECORD).write_text(json.dumps(dataclasses.asdict(record), indent=1), encoding="utf-8")
    (directory / CHECKPOINT).unlink()


def _read(path: Path) -> Mapping[str, Any]:
    import torch

    release = tuple(int(part) for part in torch.__version__.partition("+")[0].split(".")[:2])
    if release < _SOUND_TORCH:
        raise ModelError(
            f"{path.name} and torch {torch.__version__}",
            expected="torch 2.6 or newer, which reads checkpoints without running them",
            mend="upgrade torch, or give a directory with safetensors",
        )
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged or a hostile file: torch's reader raises many kinds
        raise ModelError(
            f"{type(error).__name__} while reading {path}",
            expected="a checkpoint of tensors alone",
            mend="do not use it; give a directory with safetensors",
        ) from error
    if not isinstance(tensors, dict) or not all(isinstance(t, torch.Tensor) for t in tensors.values()):
        raise ModelError(f"{path} with more than tensors", expected="tensors by name", mend="do not use it")
    return tensors
