"""Weights, checked and brought to a device, and the tokenizer that goes with them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import torch
from tokenizers import Tokenizer

from embedreg.core.devices import find_device, processor_has
from embedreg.core.errors import ModelError, UsageError
from embedreg.core.freed_memory import keep_freed_memory
from embedreg.core.products import linear_map
from embedreg.embed._bert import BertEncoder, bert_tensors, in_berts_terms
from embedreg.embed._bert_families import family_of
from embedreg.embed._gguf import is_converted, read_conversion
from embedreg.embed._int8 import Int8Linear, check_int8, use_int8
from embedreg.embed._precision import check_precision
from embedreg.embed._windows import WindowTokenizer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from torch import Tensor

    from embedreg.embed._batch import Batch
    from embedreg.embed._model_directory import ModelDirectory

# A batch's activations have to stay in the processor's caches, and each takes some time that its size does not change. So little
# depends on it that one number does for all models; `_calibration` tries others. Where AMX multiplies, batches are the larger. A
# GPU wants more at once, and of narrow models so many that starting a kernel takes less time than the kernel.
_CPU_BATCH_TOKENS: Final = 1024
_AMX_BATCH_TOKENS: Final = 2048
_GPU_BATCH_TOKENS: Final = 32768
_GPU_BATCH_NUMBERS: Final = 2**25  # in one state of a narrow model's batch
# What tokenizer_config.json may say of the normalizer in tokenizer.json, which transformers then changes.
_NORMALIZER: Final = {
    "do_lower_case": "lowercase",
    "strip_accents": "strip_accents",
    "tokenize_chinese_chars": "handle_chinese_chars",
}


class Network(Protocol):
    """From token ids to hidden states."""

    @property
    def takes_mask(self) -> bool:
        """Whether it can be told what is padding."""
        ...

    @property
    def vocabulary(self) -> Tensor:
        """The vectors of tokens, shape (v, d)."""
        ...

    @property
    def packs(self) -> bool:
        """Whether it reads texts of unlike lengths without padding."""
        ...

    def runs_side_by_side(self, indices: Sequence[int], /) -> bool:
        """Whether several threads may ask for the states at these positions at once, and each gets what it would alone."""
        ...

    def states(self, batch: Batch, indices: Sequence[int], /) -> list[Tensor]:
        """Return the hidden states (b, t, d) at these positions, whatever at padding."""
        ...


@dataclass(frozen=True)
class LoadedModel:
    """A model that is ready to run.

    Attributes
    ----------
    network
        From token ids to hidden states; of a vocabulary look-up, to the tokens' vectors.
    tokenize
        From texts to windows.
    pad
        Token id for padding; the mask hides it.
    device
        Where the network is.
    batch_tokens
        Tokens in a batch that this device handles well.
    """

    network: Network
    tokenize: WindowTokenizer
    pad: int
    device: torch.device
    batch_tokens: int


def load_model(
    directory: ModelDirectory,
    *,
    sha256: str | None,
    hashed: Callable[[], str] | None,
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
    hashed
        What gives the hash of the weights as they are now; None where none are read.
    seed
        Of random weights, or None for those in the directory.
    lookup
        Whether to keep nothing but the vectors of the vocabulary.

    Raises
    ------
    UsageError
        If there is no such device, it has no such precision, or the window has no room for text.
    ModelError
        If the weights have another hash, or cannot be loaded whole.
    """
    place = find_device(device)
    check_precision(dtype, place.type)
    if place.type == "cpu":
        keep_freed_memory()
    backend, begin, pad = _tokenizer(directory)
    if window <= backend.num_special_tokens_to_add(is_pair=False):
        raise UsageError(
            f"a window of {window} tokens", expected="room for text", mend="give a larger window"
        )
    if hashed is not None:
        _check_weights(directory, sha256, hashed())
    int8 = dtype == "int8"
    if int8:
        check_int8()
    network = make_network(
        directory, torch.float32 if int8 else getattr(torch, dtype), place, seed, int8=int8
    )
    return LoadedModel(
        network=_LookUp(network.vocabulary) if lookup else network,
        tokenize=WindowTokenizer(backend, window, begin, prompt),
        pad=_padding(pad, network.vocabulary),
        device=place,
        batch_tokens=_batch_tokens(place, network.vocabulary.shape[1], dtype),
    )


def make_network(
    directory: ModelDirectory,
    dtype: torch.dtype,
    device: torch.device,
    seed: int | None,
    *,
    int8: bool = False,
) -> Network:
    """Load a network, or initialise one at random with that seed, which is the work of transformers.

    With `int8`, its linear layers are in 8-bit integers, and the rest in `dtype`, which has to be float32.

    Raises
    ------
    ModelError
        If weights cannot be loaded whole.
    """
    family = family_of(directory.config)
    product = Int8Linear if int8 else linear_map
    if family and seed is None:
        tensors = bert_tensors(family, directory.weights)
        return BertEncoder(family, directory.config, tensors, dtype, device, product)
    from embedreg.embed._loading import TransformersNetwork, pretrained_network, random_network

    model = pretrained_network(directory, dtype) if seed is None else random_network(directory, seed, dtype)
    if family:
        tensors = in_berts_terms(family, model.state_dict())
        return BertEncoder(family, directory.config, tensors, dtype, device, product)
    if int8:
        use_int8(model)
    model = model.to(device)
    if device.type in ("cpu", "cuda"):
        from embedreg.embed._fused import use_fused, use_half_precision, use_tensor_float32
        from embedreg.embed._transformers_attention import use_own_attention

        use_own_attention(model)
        use_half_precision(model)
        if device.type == "cpu":
            from embedreg.embed._packed_linear import use_packed

            use_packed(model)
        use_fused(model)
        if device.type == "cuda":
            use_tensor_float32(model)
    return TransformersNetwork(model, directory.layers)


@dataclass(frozen=True, eq=False)
class _LookUp:
    """The vectors of the vocabulary, and nothing more."""

    vocabulary: Tensor
    takes_mask: bool = True
    packs: bool = False

    def runs_side_by_side(self, _indices: Sequence[int], /) -> bool:
        """Return False: it takes no time."""
        return False

    def states(self, batch: Batch, _indices: Sequence[int], /) -> list[Tensor]:
        """Return the tokens' vectors (b, t, d)."""
        return [torch.nn.functional.embedding(batch.ids, self.vocabulary)]


def _tokenizer(directory: ModelDirectory) -> tuple[Any, int | None, int | None]:
    """Return the tokenizer, the id that stands for an empty text, and that of padding."""
    if family_of(directory.config) and _says_it_all(directory.path):
        return (
            Tokenizer.from_file(str(directory.path / "tokenizer.json")),
            None,
            directory.config.get("pad_token_id"),
        )
    from embedreg.embed._loading import transformers_tokenizer

    found = transformers_tokenizer(directory.path)
    return found.backend, found.begin, found.pad


def _says_it_all(path: Path) -> bool:
    """Return whether tokenizer.json is there, and no other file changes what it says."""
    try:
        own = json.loads((path / "tokenizer.json").read_text(encoding="utf-8"))
        config = path / "tokenizer_config.json"
        other = json.loads(config.read_text(encoding="utf-8")) if config.is_file() else {}
    except (OSError, ValueError):
        return False
    normalizer = own.get("normalizer") or {}
    if normalizer.get("type") != "BertNormalizer":
        return False
    return all(other.get(key, normalizer[name]) == normalizer[name] for key, name in _NORMALIZER.items())


def _batch_tokens(device: torch.device, width: int, dtype: str) -> int:
    if device.type == "cpu":
        return _AMX_BATCH_TOKENS if dtype == "bfloat16" and processor_has("amx_tile") else _CPU_BATCH_TOKENS
    if device.type != "cuda":  # it was measured there alone
        return _GPU_BATCH_TOKENS
    return max(_GPU_BATCH_TOKENS, _GPU_BATCH_NUMBERS // width)


def _padding(token: int | None, vocabulary: Tensor) -> int:
    """Return a token id to pad with: any will do, as the mask hides it, if the network has a vector for it."""
    return token if token is not None and token < len(vocabulary) else 0


def _check_weights(directory: ModelDirectory, sha256: str | None, actual: str) -> None:
    """Compare the hash of what is about to be loaded with the catalogue, or with what the fingerprint was made from."""
    if sha256 is not None and is_converted(directory.path):
        expected = read_conversion(directory.path).sha256
    else:
        expected = sha256 or directory.weights_sha256()
    if actual != expected:
        raise ModelError(
            f"weights in {directory.path} with sha256 {actual}",
            expected=f"sha256 {expected}",
            mend="`embedreg models pull NAME` fetches damaged weights of the catalogue again",
        )
