"""BERT's encoder (Devlin et al., arXiv 1810.04805) in torch alone: the default model's, and its families'.

transformers takes longer to import than a few texts take to embed, and computes three products where one does. What
this module cannot run goes through transformers (`embedreg.embed._loading`); tests hold both to the same vectors. In what
families differ from BERT `embedreg.embed._bert_families` says.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch
from safetensors import SafetensorError
from torch.nn import functional

from embedreg.core.errors import ModelError
from embedreg.core.products import full_rows, linear_map, packs
from embedreg.embed._attention import attention
from embedreg.embed._distance_bias import DistanceBias
from embedreg.embed._layer_end import EndWeights, layer_end
from embedreg.embed._steps import steps_suit
from embedreg.embed._tensors import read_tensors
from embedreg.embed._trials import LONGEST_TEXT, packing_works

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from embedreg.embed._batch import Batch
    from embedreg.embed._bert_families import Family
    from embedreg.embed._layer_end import LayerEnd

    Product = Callable[[Tensor], Tensor]

_READ: Final = ("embeddings.", "encoder.")
_LITTLE: Final = 0.05  # of a batch: padding that takes less time than keeping texts apart

_WORDS: Final = "embeddings.word_embeddings.weight"
_POSITIONS: Final = "embeddings.position_embeddings.weight"
_TYPES: Final = "embeddings.token_type_embeddings.weight"
_DISTANCES: Final = "encoder.relative_attention_bias.weight"
_INPUT_NORM: Final = "embeddings.LayerNorm"
_ATTENTION: Final = ("attention.self.query", "attention.self.key", "attention.self.value")
_AFTER_ATTENTION: Final = (
    "attention.output.dense",
    "attention.output.LayerNorm",
    "intermediate.dense",
    "output.dense",
    "output.LayerNorm",
)


@dataclass(frozen=True, eq=False)
class _Layer:
    """What is before a layer's attention, and what is after it."""

    attention: Product  # queries, keys and values one after the other
    end: LayerEnd


class BertEncoder:
    """The encoder of a model of BERT's families, without the pooler.

    Parameters
    ----------
    family
        The model's.
    config
        Of the model's directory.
    tensors
        By the names that BERT gives them.
    dtype, device
        Of the weights and of what is computed.
    product
        Makes a linear map of weights (outputs, inputs) and a bias (outputs,).

    Attributes
    ----------
    vocabulary
        The vectors of tokens, shape (v, d).
    takes_mask
        It can be told what is padding.

    Raises
    ------
    ModelError
        If a tensor is missing.
    """

    takes_mask = True

    def __init__(
        self,
        family: Family,
        config: Mapping[str, Any],
        tensors: Mapping[str, Tensor],
        dtype: torch.dtype,
        device: torch.device,
        product: Callable[[Tensor, Tensor], Product] = linear_map,
    ) -> None:
        settings = family.in_berts_terms(config)
        self._heads = int(settings["num_attention_heads"])
        layers = int(settings["num_hidden_layers"])
        self._fills = product is linear_map and device.type == "cpu" and packs(dtype)
        self._padding = _LITTLE if device.type == "cpu" else 0.0
        self._epsilon = float(settings.get("layer_norm_eps", 1e-12))
        self._pad = int(settings.get("pad_token_id", 1)) if family.offset else None

        _refuse_missing(family, tensors, layers)

        def read(name: str) -> Tensor:
            return tensors[name].to(device=device, dtype=dtype)

        def pair(name: str) -> tuple[Tensor, Tensor]:
            return read(f"{name}.weight"), read(f"{name}.bias")

        self.vocabulary = read(_WORDS)
        self._positions = read(_POSITIONS)
        self._first_type = read(_TYPES)[0] if family.has_types else None
        self._distances = read(_DISTANCES) if family.is_relative else None
        self._norm = pair(_INPUT_NORM)
        self._layers = [
            _Layer(
                attention=product(*_below([pair(f"encoder.layer.{i}.{part}") for part in _ATTENTION])),
                end=layer_end(
                    EndWeights(*(pair(f"encoder.layer.{i}.{part}") for part in _AFTER_ATTENTION)),
                    self._epsilon,
                    product,
                ),
            )
            for i in range(layers)
        ]

    @functools.cached_property
    def packs(self) -> bool:
        """Whether it reads texts of unlike lengths without padding; on a GPU that is tried with a few tokens.

        On a processor that is faster in bfloat16 alone, whose products are fast enough for padding to matter.
        """
        if self.vocabulary.device.type == "cpu":
            return self.vocabulary.dtype == torch.bfloat16
        known = len(self._positions) - (0 if self._pad is None else self._pad + 1)
        may = self.vocabulary.device.type == "cuda" and known >= LONGEST_TEXT and self._distances is None
        layers = len(self._layers)
        return may and packing_works(self._packed_states, self._padded_states, self.vocabulary, layers)

    def runs_side_by_side(self, _indices: Sequence[int]) -> bool:
        """Return True: it keeps nothing from one batch to the next."""
        return True

    def states(self, batch: Batch, indices: Sequence[int]) -> list[Tensor]:
        """Return the hidden states (b, t, d) at these positions: 0 is the first layer's input, k the output of layer k.

        Layers after the last of them are not run.
        """
        if not self.packs or (batch.padding <= self._padding and not steps_suit(self.vocabulary)):
            return self._padded_states(batch, indices)
        return [batch.to_padded(state) for state in self._packed_states(batch, indices)]

    def _padded_states(self, batch: Batch, indices: Sequence[int]) -> list[Tensor]:
        seen = None if batch.whole else batch.mask[:, None, None, :].bool()
        bias = None if self._distances is None else DistanceBias(self._distances).between(batch.width)
        attend = functools.partial(attention, seen=seen, bias=bias)
        if self._pad is None:
            positions = self._positions[: batch.width]
        else:
            positions = functional.embedding(_counted(batch.ids, self._pad), self._positions)
        return self._states(batch.ids, positions, indices, attend)

    def _packed_states(self, batch: Batch, indices: Sequence[int]) -> list[Tensor]:
        """Return the hidden states (1, T, d) of all tokens."""
        places = batch.positions
        if self._pad is not None:
            places = batch.to_tokens(_counted(batch.ids, self._pad)[..., None])[0, :, 0]
        bias = None if self._distances is None else DistanceBias(self._distances)
        attend = functools.partial(batch.attention, causal=False, scale=None, bias=bias)
        positions = functional.embedding(places, self._positions)
        return self._states(batch.tokens[None], positions, indices, attend)

    def _states(
        self, ids: Tensor, positions: Tensor, indices: Sequence[int], attend: Callable[..., Tensor]
    ) -> list[Tensor]:
        hidden = functional.embedding(ids, self.vocabulary)
        if self._first_type is not None:
            hidden = hidden + self._first_type
        hidden = self._normalised(hidden + positions, self._norm)
        shape = hidden.shape
        hidden = self._filled(hidden)  # (rows, d) from here on
        found = {0: hidden}
        for index, layer in enumerate(self._layers[: max(indices)], start=1):
            hidden = self._layer(layer, hidden, shape, attend)
            if index in indices:
                found[index] = hidden
        return [found[index][: shape[:2].numel()].view(shape) for index in indices]

    def _filled(self, states: Tensor) -> Tensor:
        """Return states (b, t, ...) as rows (b t, d), and as many rows of zeros below as products want."""
        d = self.vocabulary.shape[1]
        b, t = states.shape[:2]
        rows = full_rows(b * t, states.dtype) if self._fills else b * t
        if rows == b * t:
            return states.reshape(rows, d)
        filled = states.new_zeros(rows, d)
        filled[: b * t].view(states.shape).copy_(states)
        return filled

    def _layer(
        self, layer: _Layer, hidden: Tensor, shape: torch.Size, attend: Callable[..., Tensor]
    ) -> Tensor:
        """Return a layer's output (rows, d) of states of that shape (b, t, d)."""
        b, t, d = shape
        mixed = layer.attention(hidden)[: b * t].view(b, t, 3, self._heads, d // self._heads)
        queries, keys, values = mixed.permute(2, 0, 3, 1, 4)  # each (b, heads, t, d / heads)
        return layer.end(self._filled(attend(queries, keys, values)), hidden)

    def _normalised(self, hidden: Tensor, norm: tuple[Tensor, Tensor]) -> Tensor:
        return functional.layer_norm(hidden, hidden.shape[-1:], *norm, self._epsilon)


def bert_tensors(family: Family, files: Sequence[Path]) -> dict[str, Tensor]:
    """Return the encoder's tensors by the names that BERT gives them, mapped from the files.

    Raises
    ------
    ModelError
        If a file is damaged.
    """
    try:
        tensors = read_tensors(files, lambda name: family.berts_name(name).startswith(_READ))
    except SafetensorError as error:
        raise ModelError(
            f"{error} while loading the model in {files[0].parent}",
            expected="weights in safetensors",
            mend="download the model again",
        ) from error
    return in_berts_terms(family, tensors)


def in_berts_terms(family: Family, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors by the names that BERT gives them."""
    return {family.berts_name(name): tensor for name, tensor in tensors.items()}


def _refuse_missing(family: Family, tensors: Mapping[str, Tensor], layers: int) -> None:
    maps = [
        _INPUT_NORM,
        *(f"encoder.layer.{i}.{name}" for i in range(layers) for name in (*_ATTENTION, *_AFTER_ATTENTION)),
    ]
    wanted = {f"{name}.{part}" for name in maps for part in ("weight", "bias")} | {_WORDS, _POSITIONS}
    wanted |= ({_TYPES} if family.has_types else set()) | ({_DISTANCES} if family.is_relative else set())
    missing = sorted(wanted - set(tensors))
    if missing:
        raise ModelError(
            f"weights without {len(missing)} tensors, {missing[0]} the first, as BERT calls them",
            expected="all weights of the encoder",
            mend="download the model again",
        )


def _counted(ids: Tensor, pad: int) -> Tensor:
    """Return the positions of tokens (b, t): `pad` where the token means padding, and pad + 1, pad + 2, ... of the others."""
    real = ids != pad
    return real.cumsum(1) * real + pad


def _below(pairs: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    return torch.cat([weight for weight, _ in pairs]), torch.cat([bias for _, bias in pairs])
