"""Weights, checked and brought to a device. The one module that loads models through transformers."""

from __future__ import annotations

import importlib.util
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch
from safetensors import safe_open
from transformers import MODEL_FOR_TEXT_ENCODING_MAPPING, AutoConfig, AutoModel, AutoTokenizer

from embedreg.core.errors import ModelError, UsageError
from embedreg.embed._byte_tokenizer import byte_tokenizer
from embedreg.embed._gguf import is_converted, read_conversion
from embedreg.embed._model_directory import TEXT_ENCODERS, is_decoders
from embedreg.embed._precision import check_precision
from embedreg.embed._quiet import quiet_transformers
from embedreg.embed._windows import WindowTokenizer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from embedreg.embed._model_directory import ModelDirectory

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
        From (input_ids, attention_mask) to hidden states; of a vocabulary look-up, from input_ids to vectors.
    tokenize
        From texts to windows.
    pad
        Token id for padding; the mask hides it.
    takes_mask
        Whether the network can be told what is padding.
    device
        Where the network is.
    batch_tokens
        Tokens in a batch that this device handles well.
    """

    network: Callable[..., Any]
    tokenize: WindowTokenizer
    pad: int
    takes_mask: bool
    device: torch.device
    batch_tokens: int


def load_model(
    directory: ModelDirectory,
    *,
    sha256: str | None,
    window: int,
    dtype: str,
    device: str,
    seed: int | None,
    lookup: bool,
    prompt: str,
) -> LoadedModel:
    """Check the weights' hash and load them, or initialise them at random.

    Parameters
    ----------
    directory, sha256, window, dtype, device, prompt
        As for `TransformerEmbedder`.
    seed
        Of random weights, or None for those in the directory.
    lookup
        Whether to keep nothing but the vectors of the vocabulary.

    Raises
    ------
    UsageError
        If there is no such device, it has no such precision, or the window has no room for text.
    ModelError
        If the weights have another hash, or transformers cannot load them whole.
    """
    place = find_device(device)
    check_precision(dtype, place.type)
    tokenizer = _tokenizer(directory.path)
    if window <= tokenizer.num_special_tokens_to_add():
        raise UsageError(
            f"a window of {window} tokens", expected="room for text", mend="give a larger window"
        )
    if seed is None:
        _check_weights(directory, sha256)
        network = _network(directory, getattr(torch, dtype))
    else:
        network = random_network(directory, seed, getattr(torch, dtype))
    vocabulary = network.get_input_embeddings()
    network = vocabulary if lookup else network
    begin = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    backend = tokenizer.backend_tokenizer if tokenizer.is_fast else byte_tokenizer(tokenizer)
    return LoadedModel(
        network=network.to(place),
        tokenize=WindowTokenizer(backend, window, begin, prompt),
        pad=_padding(tokenizer.pad_token_id, vocabulary),
        takes_mask=lookup or "attention_mask" in inspect.signature(network.forward).parameters,
        device=place,
        batch_tokens=_CPU_BATCH_TOKENS if place.type == "cpu" else _GPU_BATCH_TOKENS,
    )


def _padding(token: int | None, vocabulary: Any) -> int:
    """Return a token id to pad with: any will do, as the mask hides it, if the network has a vector for it."""
    return token if token is not None and token < vocabulary.weight.shape[0] else 0


def find_device(name: str) -> torch.device:
    """Return a torch device that can be used on this machine; "auto" is cuda, else mps, else cpu.

    Raises
    ------
    UsageError
        If there is no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    # torch raises an AssertionError for cuda, xpu and mtia in a build without them, an ImportError for hpu, and a
    # RuntimeError (or the NotImplementedError under it) for a name or number that is not there and for a device that
    # does not answer.
    except (RuntimeError, AssertionError, ImportError) as error:
        raise UsageError(
            f"device {name!r}", expected="a device that torch can use on this machine", mend="device='auto'"
        ) from error
    return device


def random_network(directory: ModelDirectory, seed: int, dtype: torch.dtype) -> Any:
    """Return the architecture with the weights that its training would begin from; no weights are read.

    torch's own state of randomness is left as it was.
    """
    with quiet_transformers(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            config = _config(directory.path)
            kind = _encoder_class(config)
            model = kind(config) if kind else AutoModel.from_config(config, trust_remote_code=False)
        except Exception as error:  # transformers raises many kinds, down to those of the files' parsers
            raise _unloadable("settings", directory.path, error) from error
    for name, parameter in model.named_parameters():
        if parameter.is_floating_point() and not set(name.split(".")) & _kept_in_float32(model):
            parameter.data = parameter.data.to(dtype)
    return _ready(model, config)


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
    _require_sentencepiece(path)
    with quiet_transformers():
        try:
            tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True, trust_remote_code=False)
        except Exception as error:  # as above
            raise _unloadable("tokenizer", path, error) from error
    if not tokenizer.is_fast and type(tokenizer).__name__ != "ByT5Tokenizer":
        raise ModelError(
            f"a slow tokenizer in {path}",
            expected="a fast one, with tokenizer.json",
            mend="use another model",
        )
    return tokenizer


def _require_sentencepiece(path: Path) -> None:
    """Refuse a vocabulary that transformers cannot convert here."""
    missing = [name for name in ("sentencepiece", "google.protobuf") if not _is_installed(name)]
    if missing and not (path / "tokenizer.json").is_file() and (path / "spiece.model").is_file():
        raise UsageError(
            f"a SentencePiece vocabulary without {' and '.join(missing)}",
            expected="the packages that read it",
            mend="pip install 'embedreg[sentencepiece]'",
        )


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of the package that it is in
        return False


def _network(directory: ModelDirectory, dtype: torch.dtype) -> Any:
    """Load the part that turns tokens into hidden states, and refuse weights that are not whole."""
    settings = {"dtype": dtype, "output_loading_info": True}
    with quiet_transformers():
        try:
            config = _config(directory.path)
            kind = _encoder_class(config)
            if kind:
                tensors = _tensors_without_decoder(directory)
                model, report = kind.from_pretrained(None, config=config, state_dict=tensors, **settings)
            else:
                model, report = AutoModel.from_pretrained(
                    directory.path,
                    config=config,
                    use_safetensors=True,
                    local_files_only=True,
                    trust_remote_code=False,
                    **settings,
                )
        except Exception as error:  # as above
            raise _unloadable("model", directory.path, error) from error
    missing = sorted(name for name in report["missing_keys"] if "pooler" not in name)  # it is not used
    if missing:
        raise ModelError(
            f"weights in {directory.path} without {len(missing)} tensors, {missing[0]} the first",
            expected="all weights: transformers would put random ones in their place",
            mend="download the model again",
        )
    return _ready(model, config)


def _config(path: Path) -> Any:
    config = AutoConfig.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    if config.model_type in TEXT_ENCODERS:
        config.is_encoder_decoder = False  # or T5Gemma's encoder refuses to stand alone
    return config


def _encoder_class(config: Any) -> Any:
    """Return the class of an encoder-decoder's encoder alone, if it has one.

    T5's feed-forward output `wo` overflows in float16 and loses much in bfloat16: it stays in float32, which
    transformers itself does for float16 alone.
    """
    if config.model_type not in TEXT_ENCODERS:
        return None
    kind = MODEL_FOR_TEXT_ENCODING_MAPPING[type(config)]
    return type(kind.__name__, (kind,), {"_keep_in_fp32_modules_strict": kind._keep_in_fp32_modules})


def _kept_in_float32(model: Any) -> set[str]:
    return set(model._keep_in_fp32_modules_strict or ())


def _tensors_without_decoder(directory: ModelDirectory) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = {}
    for file in directory.weights:
        with safe_open(file, framework="pt") as opened:
            tensors |= {name: opened.get_tensor(name) for name in opened.keys() if not is_decoders(name)}  # noqa: SIM118 (no mapping)
    return tensors


def _ready(model: Any, config: Any) -> Any:
    encoder = model.get_encoder() if config.is_encoder_decoder else model
    encoder.config.use_cache = False  # a cache of keys and values serves generation only
    return encoder.eval()


def _unloadable(what: str, path: Path, error: Exception) -> ModelError:
    return ModelError(
        f"{type(error).__name__} while loading the {what} in {path}: {error}",
        expected="a text model that this version of transformers knows, without code of its own",
        mend="check the directory, or upgrade transformers",
    )
