"""Static vocabulary models: a table of vectors, one a token, and their mean. No transformer, and no torch."""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from embedreg.core.errors import DataError, ModelError, UsageError, unknown_name
from embedreg.core.files import sha256_of
from embedreg.embed._windows import check_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from embedreg.core.protocols import Json
    from embedreg.embed._make_embedder import EngineOptions

POOLINGS: Final = ("mean", "model")
_SCHEMA: Final = 1  # to be raised whenever this engine would give a text another vector
_TEXTS_AT_ONCE: Final = 1024
_WEIGHTS: Final = "model.safetensors"
_TABLES: Final = ("embeddings", "embedding.weight")  # as model2vec and WordLlama name it
# what each option may be; the first is named as what is expected
_OPTIONS: Final[dict[str, tuple[Any, ...]]] = {
    "layers": ("last",),
    "dtype": ("float32", "auto"),
    "weights": ("pretrained",),
    "seed": (None,),
}
_WINDOW: Final = 1_000_000  # a mean has no limit of length


class _Loaded(NamedTuple):
    table: NDArray[np.float32]  # (rows, d)
    rows: NDArray[np.int64]  # (vocabulary,): each token's row
    weights: NDArray[np.float32]  # (vocabulary,)
    tokenizer: Any
    unknown: int | None


class StaticEmbedder:
    """Embeds texts by the mean of their tokens' vectors; an `embedreg.core.protocols.Embedder`.

    Special tokens are not added and unknown tokens are left out. A text of no known token is the vector of
    zeros. Where the model weighs its tokens, each vector is multiplied by its token's weight.

    Parameters
    ----------
    directory
        With `model.safetensors` and `tokenizer.json`; `config.json` says whether its authors normalise.
    name
        For tables and messages; the directory's name by default.
    sha256
        What the weights' hash has to be, from the catalogue.
    pooling
        "mean"; or "model", which divides the mean by its length if the model's authors do so.
    prompt
        Put before each text.

    Raises
    ------
    UsageError
        If the pooling is unknown, or the directory is no such model.
    """

    def __init__(
        self,
        directory: Path,
        *,
        name: str | None = None,
        sha256: str | None = None,
        pooling: str = "mean",
        prompt: str = "",
    ) -> None:
        if pooling not in POOLINGS:
            raise unknown_name("pooling of a static model", pooling, POOLINGS)
        for file in (_WEIGHTS, "tokenizer.json"):
            if not (directory / file).is_file():
                raise UsageError(
                    f"no {file} in {directory}", expected="a static model", mend="download the model again"
                )
        self._directory = directory
        self.name = name or directory.resolve().name
        self.window = _WINDOW
        self._sha256 = sha256
        self._pooling = pooling
        self._prompt = prompt
        self._normalised = pooling == "model" and _normalises(directory)

    def __repr__(self) -> str:
        note = "; its authors normalise: pooling='model'" if _normalises(self._directory) else ""
        return f"StaticEmbedder({self.name!r}, pooling={self._pooling!r}{note})"

    def __deepcopy__(self, memo: dict[int, Any]) -> StaticEmbedder:
        return self  # it never changes

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key != "_loaded"}

    @functools.cached_property
    def dimension(self) -> int:
        """Length of a vector."""
        from safetensors import SafetensorError, safe_open

        path = self._directory / _WEIGHTS
        try:
            with safe_open(path, framework="numpy") as opened:
                return int(opened.get_slice(_table_name(opened.keys(), self._directory)).get_shape()[1])
        except SafetensorError as error:
            raise ModelError(
                f"damaged weights {path}: {error}", expected="safetensors", mend="download the model again"
            ) from error

    def fingerprint(self) -> Mapping[str, Json]:
        """Return everything that decides a text's vector."""
        return dict(self._fingerprint)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many vectors are averaged for each text."""
        return [len(ids) for _, ids in self._tokenized(texts)]

    def embed_batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
        """Yield (positions, vectors of shape (len(positions), d)).

        Raises
        ------
        DataError
            If something is no text.
        ModelError
            If the weights are not those that are expected.
        """
        positions: list[int] = []
        vectors: list[NDArray[np.float32]] = []
        for position, ids in self._tokenized(texts):
            positions.append(position)
            vectors.append(self._vector(ids))
            if len(positions) == _TEXTS_AT_ONCE or position == len(texts) - 1:
                yield positions, np.stack(vectors)
                positions, vectors = [], []

    @functools.cached_property
    def _fingerprint(self) -> dict[str, Json]:
        return {
            "engine": "static",
            "schema": _SCHEMA,
            "weights": self._sha256 or sha256_of(self._directory / _WEIGHTS),
            "tokenizer": sha256_of(self._directory / "tokenizer.json"),
            "normalised": self._normalised,
            "prompt": self._prompt,
        }

    @functools.cached_property
    def _loaded(self) -> _Loaded:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        path = self._directory / _WEIGHTS
        expected, actual = self._fingerprint["weights"], sha256_of(path)
        if actual != expected:
            raise ModelError(
                f"weights {path} with sha256 {actual}",
                expected=f"sha256 {expected}",
                mend="`embedreg models pull NAME` fetches damaged weights of the catalogue again",
            )
        tensors = load_file(path)
        table = tensors[_table_name(tensors, self._directory)].astype(np.float32)
        tokenizer = Tokenizer.from_file(str(self._directory / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        rows = tensors.get("mapping", np.arange(len(table))).astype(np.int64)
        weights = tensors.get("weights", np.ones(len(rows))).astype(np.float32)
        return _Loaded(table, rows, weights, tokenizer, _unknown_token(tokenizer))

    def _tokenized(self, texts: Sequence[str]) -> Iterator[tuple[int, list[int]]]:
        """Yield (position, ids of the known tokens) for each text."""
        if isinstance(texts, str):
            raise DataError("one text", expected="a list of texts", mend="wrap it in a list: [text]")
        for first in range(0, len(texts), _TEXTS_AT_ONCE):
            chunk = texts[first : first + _TEXTS_AT_ONCE]
            for position, text in enumerate(chunk, start=first):
                check_text(text, position)
            prompted = [self._prompt + text for text in chunk]
            encodings = self._loaded.tokenizer.encode_batch_fast(prompted, add_special_tokens=False)
            for position, encoding in enumerate(encodings, start=first):
                yield position, [token for token in encoding.ids if token != self._loaded.unknown]

    def _vector(self, ids: list[int]) -> NDArray[np.float32]:  # (d,)
        model = self._loaded
        if not ids:
            return np.zeros(model.table.shape[1], dtype=np.float32)
        tokens = model.table[model.rows[ids]] * model.weights[ids, None]  # (t, d)
        mean = tokens.mean(axis=0, dtype=np.float64)
        length = float(np.linalg.norm(mean)) if self._normalised else 1.0
        return np.asarray(mean / (length or 1.0), dtype=np.float32)


def build(
    directory: Path,
    options: EngineOptions,
    *,
    name: str | None = None,
    sha256: str | None = None,
    window: int | None = None,  # noqa: ARG001 (a mean has no window)
) -> StaticEmbedder:
    """Make the embedder of a catalogue entry, or of a user's own directory, of which nothing else is known.

    Raises
    ------
    UsageError
        If an option asks for what such a model has not.
    """
    for option, possible in _OPTIONS.items():
        if getattr(options, option) not in possible:
            raise UsageError(
                f"{option}={getattr(options, option)!r} for a static model, which is a table of vectors alone",
                expected=f"{option}={possible[0]!r}",
                mend=f"leave out {option}, or choose a transformer",
            )
    return StaticEmbedder(
        directory,
        name=name,
        sha256=sha256,
        pooling=options.pooling,
        prompt=options.prompt,
    )


def _table_name(names: Any, directory: Path) -> str:
    known = set(names)
    found = next((name for name in _TABLES if name in known), None)
    if found is None:
        raise ModelError(
            f"{_WEIGHTS} in {directory} without a table of vectors",
            expected=f"a tensor called {' or '.join(_TABLES)}",
            mend="give the directory of a static model",
        )
    return found


def _normalises(directory: Path) -> bool:
    path = directory / "config.json"
    return path.is_file() and json.loads(path.read_text(encoding="utf-8")).get("normalize") is True


def _unknown_token(tokenizer: Any) -> int | None:
    model = json.loads(tokenizer.to_str())["model"]
    if model.get("unk_token") is not None:
        return int(tokenizer.token_to_id(model["unk_token"]))
    return int(model["unk_id"]) if model.get("unk_id") is not None else None
