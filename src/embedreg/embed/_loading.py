"""Weights, checked and brought to a device. The one module that loads models through transformers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch
from transformers import AutoConfig, AutoModel, AutoModelForTextEncoding, AutoTokenizer

from embedreg.core.errors import ModelError, UsageError
from embedreg.embed._gguf import is_converted, read_conversion
from embedreg.embed._quiet import quiet_transformers
from embedreg.embed._windows import WindowTokenizer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from embedreg.embed._model_directory import ModelDirectory

# Models whose encoder has a class of its own, which leaves the decoder on disk.
_TEXT_ENCODERS: Final = frozenset({"t5", "mt5", "umt5"})

# MiniLM in float32 on two cores read 7,074 tokens/s in batches of 1,024 and 5,396 in batches of 4,096: a batch's
# activations then stay in the processor's caches. A GPU wants more at once.
_CPU_BATCH_TOKENS: Final = 1024
_GPU_BATCH_TOKENS: Final = 32768


@dataclass(frozen=True)
class LoadedModel:
    """A model that is ready to run.

    Attributes
    ----------
    network
        From (input_ids, attention_mask) to hidden states.
    tokenize
        From texts to windows.
    pad
        Token id for padding; the mask hides it.
    device
        Where the network is.
    batch_tokens
        Tokens in a batch that this device handles well.
    """

    network: Callable[..., Any]
    tokenize: WindowTokenizer
    pad: int
    device: torch.device
    batch_tokens: int


def load_model(
    directory: ModelDirectory, sha256: str | None, window: int, dtype: str, device: str
) -> LoadedModel:
    """Check the weights' hash and load them.

    Raises
    ------
    UsageError
        If there is no such device, or the window has no room for text.
    ModelError
        If the weights have another hash, or transformers cannot load them whole.
    """
    place = _device(device)
    _check_weights(directory, sha256)
    tokenizer = _tokenizer(directory.path)
    network = _network(directory.path, getattr(torch, dtype)).to(place)
    begin = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    if window <= tokenizer.num_special_tokens_to_add():
        raise UsageError(
            f"a window of {window} tokens", expected="room for text", mend="give a larger window"
        )
    return LoadedModel(
        network=network,
        tokenize=WindowTokenizer(tokenizer.backend_tokenizer, window, begin),
        pad=tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0,
        device=place,
        batch_tokens=_CPU_BATCH_TOKENS if place.type == "cpu" else _GPU_BATCH_TOKENS,
    )


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise UsageError(
            f"device {name!r}", expected="a device that torch can use on this machine", mend="device='auto'"
        ) from error
    return device


def _check_weights(directory: ModelDirectory, sha256: str | None) -> None:
    """Compare what is about to be loaded with the catalogue, or with what the fingerprint was made from."""
    if sha256 is not None and is_converted(directory.path):
        expected = read_conversion(directory.path).sha256
    else:
        expected = sha256 or directory.weights_sha256()
    actual = directory.reread_weights_sha256()
    if actual != expected:
        raise ModelError(
            f"weights in {directory.path} with sha256 {actual}",
            expected=f"sha256 {expected}",
            mend="`embedreg models pull NAME` fetches damaged weights of the catalogue again",
        )


def _tokenizer(path: Path) -> Any:
    with quiet_transformers():
        try:
            tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True, trust_remote_code=False)
        except Exception as error:  # transformers raises many kinds, down to those of the files' parsers
            raise _unloadable("tokenizer", path, error) from error
    if not tokenizer.is_fast:
        raise ModelError(
            f"a slow tokenizer in {path}",
            expected="a fast one, with tokenizer.json",
            mend="use another model",
        )
    return tokenizer


def _network(path: Path, dtype: torch.dtype) -> torch.nn.Module:
    """Load the part that turns tokens into hidden states, and refuse weights that are not whole."""
    with quiet_transformers():
        try:
            config = AutoConfig.from_pretrained(path, local_files_only=True, trust_remote_code=False)
            loader = AutoModelForTextEncoding if config.model_type in _TEXT_ENCODERS else AutoModel
            model, report = loader.from_pretrained(
                path,
                dtype=dtype,
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
        except Exception as error:  # as above
            raise _unloadable("model", path, error) from error
    missing = sorted(
        name for name in report["missing_keys"] if "pooler" not in name
    )  # the pooler is not used
    if missing:
        raise ModelError(
            f"weights in {path} without {len(missing)} tensors, {missing[0]} the first",
            expected="all weights: transformers would put random ones in their place",
            mend="download the model again",
        )
    encoder = model.get_encoder() if config.is_encoder_decoder and loader is AutoModel else model
    encoder.config.use_cache = False  # a cache of keys and values serves generation only
    return encoder.eval()  # type: ignore[no-any-return]  # transformers is untyped here


def _unloadable(what: str, path: Path, error: Exception) -> ModelError:
    return ModelError(
        f"{type(error).__name__} while loading the {what} in {path}: {error}",
        expected="a text model that this version of transformers knows, without code of its own",
        mend="check the directory, or upgrade transformers",
    )
