"""Embeddings from transformers: encoders, decoders, and the encoders of encoder-decoders."""

from __future__ import annotations

import functools
import importlib.metadata
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from embedreg.core import precision
from embedreg.core.ahead import ahead, begun, lagging
from embedreg.core.arguments import whole_number
from embedreg.core.devices import on_processor
from embedreg.core.errors import DataError, ModelError, UsageError, unknown_name
from embedreg.core.lazy import uncollected
from embedreg.embed._bert_families import family_of
from embedreg.embed._layers import chosen_layers
from embedreg.embed._model_directory import TEXT_ENCODERS, ModelDirectory
from embedreg.embed._pooling import pooling_named
from embedreg.embed._precision import check_precision
from embedreg.embed._published_pooling import offer, published_pooling
from embedreg.embed._read_out import ReadOut
from embedreg.embed._unfinished_texts import UnfinishedTexts
from embedreg.embed._windows import chunks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from embedreg.core.protocols import Json
    from embedreg.core.transfers import Fetched
    from embedreg.embed._forward_passes import ForwardPasses
    from embedreg.embed._load_model import LoadedModel
    from embedreg.embed._make_embedder import EngineOptions
    from embedreg.embed._windows import Windows

DTYPES: Final = ("float32", "bfloat16", "float16", "int8", "auto")
WEIGHTS: Final = ("pretrained", "random")
# Each to be raised whenever this engine would give a text another vector: by its own encoder, BERT's or a family's that was
# read by transformers before, or by a model of transformers, T5's kind among them.
_BERT_SCHEMA: Final = 5
_FAMILIES_SCHEMA: Final = 7
_TRANSFORMERS_SCHEMA: Final = 6
_T5_SCHEMA: Final = 8
# The same where bfloat16 alone is concerned: vectors in float32 stay valid.
_BFLOAT16_SCHEMA: Final = 2
# Tokenised and sorted by length together: enough to sort well, few enough to hold the tokens of.
_TEXTS_AT_ONCE: Final = 4096
_LETTERS_AT_ONCE: Final = 2**24
_LETTERS_FOR_GPU: Final = 2**18  # it waits for the first ones, and reads these in a few milliseconds


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
        "mean", "mean_padded", "weighted", "max", "last" or "first", see
        `embedreg.embed._pooling.pooling_named`; or "model", which a Sentence-Transformers directory says.
    layers
        "last"; "all" for the outputs of all transformer layers one after the other (dimension times the
        number of layers), or a range "2-4" of them, both ends included; "mean" or "mean:2-4" for their
        average; or one number: 0 is the input to the first layer (the vocabulary look-up, with
        positions if the model adds them), k the output of layer k, and negative numbers count from the end.
        In models that normalise after the last layer, that layer's output is the normalised one.
    dtype
        "float32"; "bfloat16" for speed on processors that have it; "float16" on GPUs; "int8" for linear layers in
        8-bit integers on processors with VNNI, which is rough, and where a text's rounding depends on the texts beside
        it; "auto" for bfloat16 where it was measured to be clearly faster, else float32. Pooling is in float32 in each
        case.
    device
        "auto" (cuda, else mps, else cpu) or a torch device name.
    batch_tokens
        Tokens in a batch at most, padding included; where texts are read without padding, pooling may hold as many
        places of padding besides. By default 1024 on a CPU, 2048 there in bfloat16 with AMX, and
        elsewhere 32768, or more of narrow models.
    window
        Tokens read at once; by default what the model can read, 2048 at most.
    weights
        "pretrained", or "random": the architecture's own initialisation. No weights are read then.
    seed
        Of random weights; 0 by default.
    forward
        Whether the transformer is run. If not, a token's vector is that of the vocabulary, without position.
    prompt
        Put before each text, such as "query: " for models that want it.

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
        dtype: str = "auto",
        device: str = "auto",
        batch_tokens: int | None = None,
        window: int | None = None,
        weights: str = "pretrained",
        seed: int | None = None,
        forward: bool = True,
        prompt: str = "",
    ) -> None:
        if weights not in WEIGHTS:
            raise unknown_name("weights", weights, WEIGHTS)
        if dtype not in DTYPES:
            raise unknown_name("dtype", dtype, DTYPES)
        if batch_tokens is not None and batch_tokens < 1:
            raise UsageError(f"batch_tokens={batch_tokens}", expected="at least 1", mend="leave it out")
        check_precision(dtype, device)
        _check_ablation(weights, seed, layers, forward=forward)
        self._directory = ModelDirectory(directory, with_weights=weights == "pretrained")
        self.name = name or directory.resolve().name
        self._sha256 = sha256
        self._pooling = pooling
        number = whole_number(layers)
        self._layers = layers if number is None else number
        self._dtype = dtype
        self._device = device
        self._batch_tokens = batch_tokens
        self._seed = (seed or 0) if weights == "random" else None
        self._run = forward
        self._prompt = prompt
        published = published_pooling(directory) if pooling == "model" else None
        self._read_out = ReadOut(
            chosen_layers(layers, self._directory.layers),
            pooling_named(published.pooling if published else pooling),
            normalised=published is not None and published.normalised,
        )
        self.window = self._directory.window(window)

    def __repr__(self) -> str:
        chosen = {"pooling": self._pooling, "layers": self._layers, "dtype": self._dtype}
        ablated = {"weights": "random", "seed": self._seed} if self._seed is not None else {}
        ablated |= {} if self._run else {"forward": False}
        ablated |= {"prompt": self._prompt} if self._prompt else {}
        written = ", ".join(f"{key}={value!r}" for key, value in (chosen | ablated).items())
        published = offer(self._directory.path)
        note = f"; its authors pool by {published}: pooling='model'" if published else ""
        return f"TransformerEmbedder({self.name!r}, {written}{note})"

    def __deepcopy__(self, memo: dict[int, Any]) -> TransformerEmbedder:
        return self  # it never changes, and scikit-learn's clone would load the weights again

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key not in ("_loaded", "_passes")}

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        if not self._run:
            return self._directory.vocabulary_dimension
        return self._directory.dimension * self._read_out.layers.width

    def fingerprint(self) -> Mapping[str, Json]:
        """Return everything that decides a text's vector; read from files, without loading torch.

        With dtype "auto" it says what that came to; where that is not known yet, it is measured.
        """
        return dict(self._fingerprint)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens the model reads for each text, the special tokens of every window included.

        Raises
        ------
        DataError
            If something is no text.
        """
        _refuse_one_text(texts)
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
        for positions, (vectors,) in self.embed_batches_for([self], texts):
            yield positions, vectors

    def embed_batches_for(
        self, readers: Sequence[TransformerEmbedder], texts: Sequence[str]
    ) -> Iterator[tuple[list[int], list[NDArray[np.float32]]]]:
        """Yield (positions, vectors of each reader), from one forward pass of this embedder's network.

        Parameters
        ----------
        readers
            Embedders of the same `forward_identity`; their own networks are not loaded.
        texts
            To embed.

        Raises
        ------
        DataError, ModelError
            As `embed_batches`.
        """
        _refuse_one_text(texts)
        read_outs = [reader._read_out for reader in readers]
        lag = 0 if on_processor(self._loaded.device) else 1
        for first, unfinished, batch, parts in lagging(self._launched(texts, read_outs), lag):
            found = [kept.add(batch, part.array()) for kept, part in zip(unfinished, parts, strict=True)]
            positions = [
                first + position for position in found[0][0]
            ]  # those of all, as they took the same windows
            if positions:
                several = [r.finished(np.concatenate(f)) for r, (_, f) in zip(read_outs, found, strict=True)]
                for vectors in several:
                    _check_finite(vectors, positions, self.name)
                yield positions, several

    def forward_identity(self) -> Mapping[str, Json]:
        """Return everything that decides the hidden states, and where they are computed: not how they are read out."""
        return {**self._forward_fingerprint, "device": self._device}

    @functools.cached_property
    def _loaded(self) -> LoadedModel:
        hashed = begun(self._directory.reread_weights_sha256) if self._seed is None else None
        with uncollected():
            from embedreg.embed._load_model import load_model

        return load_model(
            self._directory,
            sha256=self._sha256,
            hashed=hashed,
            window=self.window,
            dtype=self._resolved_dtype,
            device=self._device,
            seed=self._seed,
            lookup=not self._run,
            prompt=self._prompt,
        )

    @functools.cached_property
    def _passes(self) -> ForwardPasses:
        from embedreg.embed._forward_passes import ForwardPasses

        config, vocabulary = self._directory.config, self._loaded.network.vocabulary
        what = f"{config.get('model_type')}, {self._directory.layers} layers, {vocabulary.shape[1]} wide, {self._resolved_dtype}"
        return ForwardPasses(self._loaded, self._batch_tokens, what if self._run else "")

    @functools.cached_property
    def _resolved_dtype(self) -> str:
        if self._dtype != "auto":
            return self._dtype
        if not self._run:  # nothing is multiplied
            return "float32"
        return precision.fastest_dtype(self._directory.dimension, self._device, packed=True)

    @functools.cached_property
    def _fingerprint(self) -> dict[str, Json]:
        return {
            **self._forward_fingerprint,
            "pooling": self._pooling,
            "layers": self._layers,
            **(published_pooling(self._directory.path)._asdict() if self._pooling == "model" else {}),
        }

    @functools.cached_property
    def _forward_fingerprint(self) -> dict[str, Json]:
        return {
            "engine": "transformer",
            "schema": _schema(self._directory.config),
            **self._weights_fingerprint(),
            "tokenizer": self._directory.tokenizer_sha256(),
            "config": self._directory.config_sha256(),
            "dtype": self._resolved_dtype,
            **({"bfloat16_schema": _BFLOAT16_SCHEMA} if self._resolved_dtype == "bfloat16" else {}),
            "window": self.window,
            # what came later is left out at its default, so that vectors that were kept before stay valid
            **({} if self._run else {"forward": False}),
            **({"prompt": self._prompt} if self._prompt else {}),
        }

    def _weights_fingerprint(self) -> dict[str, Json]:
        if self._seed is None:
            return {"weights": self._sha256 or self._directory.weights_sha256()}
        makers = " and ".join(f"{name} {_release(name)}" for name in ("torch", "transformers"))
        return {"weights": "random", "seed": self._seed, "initialised_by": makers}

    def _tokenized(self, texts: Sequence[str]) -> Iterator[tuple[int, Windows]]:
        """Yield (position of the first text, windows) for a few thousand texts at a time, on a GPU a step ahead of it."""
        model = self._loaded

        def tokenized(chunk: slice) -> tuple[int, Windows]:
            return chunk.start, model.tokenize(texts[chunk], chunk.start)

        if on_processor(model.device):
            yield from map(tokenized, chunks(texts, _TEXTS_AT_ONCE, _LETTERS_AT_ONCE))
        else:
            yield from ahead(tokenized, chunks(texts, _TEXTS_AT_ONCE, _LETTERS_FOR_GPU))

    def _launched(
        self, texts: Sequence[str], read_outs: Sequence[ReadOut]
    ) -> Iterator[tuple[int, list[UnfinishedTexts], NDArray[np.int64], list[Fetched]]]:
        """Yield (position of the first text, what is kept for each pooling, windows, what each took from them).

        A GPU may still be computing what was taken.
        """
        for first, windows in self._tokenized(texts):
            unfinished = [UnfinishedTexts(windows, windows.lengths, r.pooling) for r in read_outs]
            for batch, parts in self._passes.over(windows, read_outs):
                yield first, unfinished, batch, parts


def build(
    directory: Path,
    options: EngineOptions,
    *,
    name: str | None = None,
    sha256: str | None = None,
    window: int | None = None,
) -> TransformerEmbedder:
    """Make the embedder of a catalogue entry, or of a user's own directory, of which nothing else is known."""
    return TransformerEmbedder(
        directory,
        name=name,
        sha256=sha256,
        window=window,
        pooling=options.pooling,
        layers=options.layers,
        dtype=options.dtype,
        device=options.device,
        batch_tokens=options.batch_tokens,
        weights=options.weights,
        seed=options.seed,
        forward=options.forward,
        prompt=options.prompt,
    )


def _refuse_one_text(texts: Sequence[str]) -> None:
    if isinstance(texts, str):
        raise DataError("one text", expected="a list of texts", mend="wrap it in a list: [text]")


def _check_ablation(weights: str, seed: int | None, layers: str | int, *, forward: bool) -> None:
    if weights != "random" and seed is not None:
        raise UsageError(f"seed={seed} with weights={weights!r}", expected="no seed", mend="weights='random'")
    if seed is not None and not 0 <= seed < 2**63:
        raise UsageError(
            f"seed={seed}", expected="a whole number from 0 and below 2^63", mend="choose another seed"
        )
    if not forward and layers != "last":
        raise UsageError(
            f"layers={layers!r} with forward=False",
            expected="no choice of layers, as none is run",
            mend="leave layers out; layers=0 is the input to the first layer, with positions",
        )


def _release(package: str) -> str:
    """Return a package's version without the name of its build."""
    return importlib.metadata.version(package).partition("+")[0]


def _check_finite(vectors: NDArray[np.float32], positions: list[int], name: str) -> None:
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad):
        raise ModelError(
            f"NaN or infinite values from {name} for the text at position {positions[bad[0]]}",
            expected="finite numbers",
            mend="use dtype='float32', or another model",
        )


def _schema(config: Mapping[str, Any]) -> int:
    kind = config.get("model_type")
    if family_of(config) is None:
        return _T5_SCHEMA if kind in TEXT_ENCODERS else _TRANSFORMERS_SCHEMA
    return _BERT_SCHEMA if kind == "bert" else _FAMILIES_SCHEMA
