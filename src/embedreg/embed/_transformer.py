"""Embeddings from transformers: encoders, decoders, and the encoders of encoder-decoders."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from embedreg.core.errors import DataError, ModelError, UsageError, unknown_name
from embedreg.embed._model_directory import ModelDirectory
from embedreg.embed._pooling import pooling_named
from embedreg.embed._windows import padded, plan_batches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import torch
    from numpy.typing import NDArray

    from embedreg.core.protocols import Json
    from embedreg.embed._catalogue import CatalogueEntry
    from embedreg.embed._loading import LoadedModel
    from embedreg.embed._make_embedder import EngineOptions
    from embedreg.embed._pooling import Pooling
    from embedreg.embed._windows import Windows

DTYPES: Final = ("float32", "bfloat16")
_ENGINE_SCHEMA: Final = 1  # to be raised whenever this engine would give a text another vector
_TEXTS_AT_ONCE: Final = 8192  # tokenised and sorted together: bounds memory, and gives first vectors early


class TransformerEmbedder:
    """Embeds texts with a transformer from a Hugging Face directory; an `embedreg.core.protocols.Embedder`.

    Nothing is truncated: a text longer than the window is read in consecutive windows and pooled over all
    of its tokens. A text's vector does not depend on the texts beside it, up to rounding. Weights are
    loaded on first use; a pickle of the embedder does not carry them.

    Parameters
    ----------
    directory
        A Hugging Face directory with weights in safetensors.
    name
        For tables and messages; the directory's name by default.
    sha256
        What the weights' hash has to be, from the catalogue. Of a GGUF model, the hash of what was converted.
    pooling
        "mean", "mean_padded", "max", "last" or "first"; see `embedreg.embed._pooling.pooling_named`.
    layers
        "last"; "all" for the outputs of all transformer layers one after the other (dimension times the
        number of layers); or one number: 0 is the input to the first layer (the vocabulary look-up, with
        positions if the model adds them), k the output of layer k, and negative numbers count from the end.
        In models that normalise after the last layer, that layer's output is the normalised one.
    dtype
        "float32", or "bfloat16" for speed on processors that have it; pooling is in float32 either way.
    device
        "auto" (cuda, else mps, else cpu) or a torch device name.
    batch_tokens
        Tokens in a batch at most, padding included; by default 1024 on a CPU and 32768 elsewhere.
    window
        Tokens read at once; by default what the model can read, 2048 at most.

    Raises
    ------
    UsageError
        If a setting is unknown or out of range, or the directory is no model directory.
    ModelError
        If the weights are pickled or missing.
    """

    def __init__(
        self,
        directory: Path,
        *,
        name: str | None = None,
        sha256: str | None = None,
        pooling: str = "mean",
        layers: str | int = "last",
        dtype: str = "float32",
        device: str = "auto",
        batch_tokens: int | None = None,
        window: int | None = None,
    ) -> None:
        self._directory = ModelDirectory(directory)
        self.name = name or directory.resolve().name
        pooling_named(pooling)
        if dtype not in DTYPES:
            raise unknown_name("dtype", dtype, DTYPES)
        if batch_tokens is not None and batch_tokens < 1:
            raise UsageError(f"batch_tokens={batch_tokens}", expected="at least 1", mend="leave it out")
        _check_layers(layers, self._directory.layers)
        self._sha256 = sha256
        self._pooling = pooling
        self._layers = layers
        self._dtype = dtype
        self._device = device
        self._batch_tokens = batch_tokens
        self.window = self._directory.window(window)

    def __repr__(self) -> str:
        chosen = f"pooling={self._pooling!r}, layers={self._layers!r}, dtype={self._dtype!r}"
        return f"TransformerEmbedder({self.name!r}, {chosen})"

    def __deepcopy__(self, memo: dict[int, Any]) -> TransformerEmbedder:
        return self  # it never changes, and scikit-learn's clone would load the weights again

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key != "_loaded"}

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._directory.dimension * (self._directory.layers if self._layers == "all" else 1)

    def fingerprint(self) -> Mapping[str, Json]:
        """Return everything that decides a text's vector; read from files, without loading torch."""
        return dict(self._fingerprint)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens the model reads for each text, the special tokens of every window included.

        Raises
        ------
        DataError
            If something is no text.
        """
        counts: list[int] = []
        for _, windows in self._tokenized(texts):
            counts += np.add.reduceat(windows.lengths, windows.starts[:-1]).tolist()
        return counts

    def embed_batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
        """Yield (positions, vectors of shape (len(positions), d)), long texts first within each few thousand.

        Raises
        ------
        DataError
            If something is no text.
        ModelError
            If the weights are not those that are expected, or give a value that is no finite number.
        """
        for first, windows in self._tokenized(texts):
            for positions, vectors in self._embed(windows):
                absolute = [first + position for position in positions]
                _check_finite(vectors, absolute, self.name)
                yield absolute, vectors

    @functools.cached_property
    def _loaded(self) -> LoadedModel:
        from embedreg.embed._loading import load_model  # noqa: PLC0415 (start-up time)

        return load_model(self._directory, self._sha256, self.window, self._dtype, self._device)

    @functools.cached_property
    def _fingerprint(self) -> dict[str, Json]:
        return {
            "engine": "transformer",
            "schema": _ENGINE_SCHEMA,
            "weights": self._sha256 or self._directory.weights_sha256(),
            "tokenizer": self._directory.tokenizer_sha256(),
            "config": self._directory.config_sha256(),
            "pooling": self._pooling,
            "layers": self._layers,
            "dtype": self._dtype,
            "window": self.window,
        }

    def _tokenized(self, texts: Sequence[str]) -> Iterator[tuple[int, Windows]]:
        """Yield (position of the first text, windows) for a few thousand texts at a time."""
        if isinstance(texts, str):
            raise DataError("one text", expected="a list of texts", mend="wrap it in a list: [text]")
        for first in range(0, len(texts), _TEXTS_AT_ONCE):
            yield first, self._loaded.tokenize(texts[first : first + _TEXTS_AT_ONCE], first)

    def _embed(self, windows: Windows) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
        lengths = windows.lengths
        unfinished = _Unfinished(windows, lengths, pooling_named(self._pooling))
        for batch in plan_batches(lengths, self._batch_tokens or self._loaded.batch_tokens):
            positions, vectors = unfinished.add(batch, self._forward([windows.ids[i] for i in batch]))
            if positions:
                yield positions, np.stack(vectors)

    def _forward(self, windows: Sequence[NDArray[np.int32]]) -> NDArray[np.float32]:  # (b, d)
        """Return what the pooling takes from each window."""
        import torch  # noqa: PLC0415 (start-up time)

        model, pooling = self._loaded, pooling_named(self._pooling)
        ids, mask = (torch.from_numpy(array).to(model.device) for array in padded(windows, model.pad))
        with torch.inference_mode():
            output = model.network(
                input_ids=ids,
                attention_mask=mask,
                output_hidden_states=self._layers != "last",
                return_dict=True,
            )
            parts = [pooling.over_window(hidden.float(), mask) for hidden in self._chosen(output)]
            return torch.cat(parts, dim=1).cpu().numpy()

    def _chosen(self, output: Any) -> Sequence[torch.Tensor]:  # each (b, t, d)
        if self._layers == "last":
            return [output.last_hidden_state]
        states: Sequence[torch.Tensor] = output.hidden_states
        return states[1:] if isinstance(self._layers, str) else [states[self._layers]]


@dataclass
class _Unfinished:
    """Keeps what was pooled from windows until all windows of their text are there."""

    windows: Windows
    lengths: NDArray[np.int64]
    pooling: Pooling

    def __post_init__(self) -> None:
        self._parts: dict[int, NDArray[np.float32]] = {}
        self._missing = np.diff(self.windows.starts)

    def add(
        self, batch: NDArray[np.int64], parts: NDArray[np.float32]
    ) -> tuple[list[int], list[NDArray[np.float32]]]:
        """Take a batch of windows and return the positions and vectors of the texts it completes."""
        positions, vectors = [], []
        for window, part in zip(batch.tolist(), parts, strict=True):
            text = self.windows.text[window]
            self._parts[window] = part
            self._missing[text] -= 1
            if self._missing[text] == 0:
                positions.append(text)
                vectors.append(self._vector(text))
        return positions, vectors

    def _vector(self, text: int) -> NDArray[np.float32]:  # (d,)
        """Pool over the windows in their order, so that the order of batches changes nothing."""
        own = range(self.windows.starts[text], self.windows.starts[text + 1])
        parts = np.stack([self._parts.pop(window) for window in own]).astype(np.float64)
        return self.pooling.over_text(parts, self.lengths[own.start : own.stop]).astype(np.float32)


def build(directory: Path, entry: CatalogueEntry | None, options: EngineOptions) -> TransformerEmbedder:
    """Make the embedder of a catalogue entry, or of a user's own directory if `entry` is None."""
    return TransformerEmbedder(
        directory,
        name=entry.name if entry else None,
        sha256=entry.sha256 if entry else None,
        window=entry.window if entry else None,
        pooling=options.pooling,
        layers=options.layers,
        dtype=options.dtype,
        device=options.device,
        batch_tokens=options.batch_tokens,
    )


def _check_layers(layers: str | int, count: int) -> None:
    is_number = isinstance(layers, int) and not isinstance(layers, bool)
    if layers in ("last", "all") or (is_number and -count - 1 <= int(layers) <= count):
        return
    raise UsageError(
        f"layers={layers!r}",
        expected=f"'last', 'all', or a number from {-count - 1} to {count}: 0 is the first one's input",
        mend="choose one of those",
    )


def _check_finite(vectors: NDArray[np.float32], positions: list[int], name: str) -> None:
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad):
        raise ModelError(
            f"NaN or infinite values from {name} for the text at position {positions[bad[0]]}",
            expected="finite numbers",
            mend="use dtype='float32', or another model",
        )
