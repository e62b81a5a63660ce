"""Models through transformers: tokenizers, weights, random weights."""

from __future__ import annotations

import functools
import importlib.util
import inspect
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import torch
from transformers import MODEL_FOR_TEXT_ENCODING_MAPPING, AutoConfig, AutoModel, AutoTokenizer

from embedreg.core.errors import ModelError, UsageError
from embedreg.embed._byte_tokenizer import byte_tokenizer
from embedreg.embed._model_directory import TEXT_ENCODERS, is_decoders
from embedreg.embed._quiet import quiet_transformers
from embedreg.embed._shallow_pass import ShallowPass
from embedreg.embed._shared_prefix import SharedPrefix
from embedreg.embed._steps import tiles_work
from embedreg.embed._tensors import read_tensors
from embedreg.embed._transformers_attention import attending_within, attends_by_own, may_pack
from embedreg.embed._trials import LONGEST_TEXT, keeps_nothing, packing_works

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from embedreg.embed._batch import Batch
    from embedreg.embed._model_directory import ModelDirectory

_BY_LENGTH: Final = (
    "dynamic",
    "longrope",
    "su",
)  # kinds of rotary embeddings; the last is what longrope was called


class TransformersNetwork:
    """A model of transformers, as `embedreg.embed._load_model.Network`.

    Attributes
    ----------
    model
        From input_ids and attention_mask to hidden states.
    layers
        How many it has.
    """

    def __init__(self, model: Any, layers: int) -> None:
        self.model = model
        self.layers = layers
        self._shallow = ShallowPass(model, layers)
        self._prefix = SharedPrefix(model, layers, self._states)

    @property
    def takes_mask(self) -> bool:
        """Whether it can be told what is padding."""
        return "attention_mask" in inspect.signature(self.model.forward).parameters

    @property
    def vocabulary(self) -> torch.Tensor:
        """The vectors of tokens, shape (v, d)."""
        vectors: torch.Tensor = self.model.get_input_embeddings().weight
        return vectors

    @functools.cached_property
    def packs(self) -> bool:
        """Whether it reads texts of unlike lengths without their padding; tried with a few tokens."""
        device, dtype = self.vocabulary.device.type, self.vocabulary.dtype
        in_half = device == "cuda" and dtype != torch.float32
        in_half |= device == "cpu" and dtype == torch.bfloat16 and tiles_work()
        known = inspect.signature(self.model.forward).parameters
        if not in_half or "position_ids" not in known or not may_pack(self.model):
            return False
        if (getattr(self.model.config, "max_position_embeddings", None) or LONGEST_TEXT) < LONGEST_TEXT:
            return False
        return packing_works(self._packed_states, self._padded_states, self.vocabulary, self.layers)

    def runs_side_by_side(self, indices: Sequence[int]) -> bool:
        """Return whether several threads may ask for the states at these positions at once, as far as is known.

        Release 4 of transformers changes a model while that collects the states of all layers.
        """
        if not self._is_stateless:
            return False
        return len(indices) == 1 if max(indices) == self.layers else self._shallow.works

    @functools.cached_property
    def _is_stateless(self) -> bool:
        """Whether it keeps nothing from one batch to the next: a model that lets others attend, tried with a few tokens."""
        config = self.model.config
        return attends_by_own(self.model) and not _rotates_by_length(config) and keeps_nothing(self.model)

    def states(self, batch: Batch, indices: Sequence[int]) -> list[torch.Tensor]:
        """Return the hidden states (b, t, d) at these positions."""
        packs = self.packs and not batch.whole
        shared = None if packs and not _saves(batch) else self._prefix.states(batch, indices)
        if shared:
            return shared
        if not packs:
            return self._padded_states(batch, indices)
        return [batch.to_padded(state) for state in self._packed_states(batch, indices)]

    def _padded_states(self, batch: Batch, indices: Sequence[int]) -> list[torch.Tensor]:
        return self._states(batch.ids, None if batch.whole else batch.mask, indices)

    def _packed_states(self, batch: Batch, indices: Sequence[int]) -> list[torch.Tensor]:
        """Return the hidden states (1, T, d) of all tokens."""
        ids = batch.tokens[None]
        _ = self._shallow.works  # which is tried once, and not with this batch's places
        with attending_within(batch):  # a mask keeps transformers from asking the device what is packed
            return self._states(ids, torch.ones_like(ids), indices, {"position_ids": batch.positions[None]})

    def _states(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor | None,
        indices: Sequence[int],
        others: Mapping[str, Any] = MappingProxyType({}),
    ) -> list[torch.Tensor]:
        settings = {"attention_mask": mask, **others} if self.takes_mask and mask is not None else others
        run = functools.partial(self.model, input_ids=ids, return_dict=True, **settings)
        if max(indices) < self.layers and self._shallow.works:
            return self._shallow.states(run, indices)
        if tuple(indices) == (self.layers,):
            return [run(output_hidden_states=False).last_hidden_state]
        states = run(output_hidden_states=True).hidden_states
        return [states[index] for index in indices]


@dataclass(frozen=True)
class TransformersTokenizer:
    """A tokenizer as transformers sets it up.

    Attributes
    ----------
    backend
        The tokenizer itself.
    begin
        Id that stands for a text of no tokens, or None.
    pad
        Id for padding, or None.
    """

    backend: Any
    begin: int | None
    pad: int | None


def _rotates_by_length(config: Any) -> bool:
    """Return whether a model's rotary embeddings depend on how long the longest text was."""
    scaling = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    return any(kind in str(scaling) for kind in _BY_LENGTH)


def _saves(batch: Batch) -> bool:
    """Return whether going on from what texts share, with padding, reads less than all of their tokens without."""
    return batch.shared + len(batch) * (batch.width - batch.shared) < int(batch.lengths.sum())


def random_network(directory: ModelDirectory, seed: int, dtype: torch.dtype) -> Any:
    """Return the architecture with the weights that its training would begin from; no weights are read.

    torch's own state of randomness is left as it was.
    """
    with quiet_transformers(), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(
            seed
        )  # not `torch.manual_seed`, which seeds those of all GPUs too
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


def transformers_tokenizer(path: Path) -> TransformersTokenizer:
    """Return a directory's tokenizer.

    Raises
    ------
    UsageError
        If packages that read its vocabulary are missing.
    ModelError
        If transformers cannot load it, or it is a slow one.
    """
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
    backend = tokenizer.backend_tokenizer if tokenizer.is_fast else byte_tokenizer(tokenizer)
    begin = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    return TransformersTokenizer(backend, begin, tokenizer.pad_token_id)


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


def pretrained_network(directory: ModelDirectory, dtype: torch.dtype) -> Any:
    """Load the part that turns tokens into hidden states, and refuse weights that are not whole.

    Raises
    ------
    ModelError
        If transformers cannot load them, or some are missing.
    """
    settings = {"dtype": dtype, "output_loading_info": True}
    with quiet_transformers():
        try:
            config = _config(directory.path)
            kind = _encoder_class(config)
            if kind:
                tensors = read_tensors(directory.weights, lambda name: not is_decoders(name))
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

    T5's feed-forward output `wo` overflows in float16, and in bfloat16 what the layers sum up would be rounded with it: it
    stays in float32, which transformers itself does for float16 alone. (How it multiplies faster see `embedreg.embed._fused`.)
    """
    if config.model_type not in TEXT_ENCODERS:
        return None
    kind = MODEL_FOR_TEXT_ENCODING_MAPPING[type(config)]
    return type(kind.__name__, (kind,), {"_keep_in_fp32_modules_strict": kind._keep_in_fp32_modules})


def _kept_in_float32(model: Any) -> set[str]:
    return set(model._keep_in_fp32_modules_strict or ())


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
