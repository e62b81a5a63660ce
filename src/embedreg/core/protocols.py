"""The arrows of `record -> text -> vector -> number`, one protocol each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from embedreg.core.records import Record

Array: TypeAlias = NDArray[np.floating[Any]]
Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


@runtime_checkable
class Serializer(Protocol):
    """record -> text. Deterministic, and injective on what it keeps."""

    def __call__(self, record: Record) -> str:
        """Return the text of a mapping; a text is returned as it is."""
        ...

    def settings(self) -> dict[str, Json]:
        """Return what `make_serializer` needs to build an equal serializer."""
        ...


@runtime_checkable
class Embedder(Protocol):
    """text -> vector. Frozen: embedding a text changes nothing."""

    @property
    def name(self) -> str:
        """Return the name for tables and messages."""
        ...

    @property
    def dimension(self) -> int:
        """Return the length d of a vector."""
        ...

    def fingerprint(self) -> Mapping[str, Json]:
        """Return everything that decides a text's vector: weights' sha256, tokenizer, pooling, layers, precision, window.

        It is the cache's key beside the text, so it must change whenever a vector would.
        """
        ...

    def embed_batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
        """Yield (positions in `texts`, vectors of shape (len(positions), d)) until every position was given once.

        The order is the embedder's own (by length, say), so that a caller can store each part as soon as it is there.
        """
        ...


@runtime_checkable
class Representation(Protocol):
    """record -> vector, by whatever way: an embedding of its text, or traditional features."""

    def fit(self, records: Sequence[Record], y: Array | None = None) -> Representation:
        """Learn what is to be learnt from training records alone; an embedding learns nothing."""
        ...

    def transform(self, records: Sequence[Record]) -> Array:
        """Return the vectors, shape (n, d)."""
        ...


class SavedState:
    """What a fitted part leaves behind in a saved model, without pickle.

    Attributes
    ----------
    config
        JSON values.
    arrays
        Numpy arrays by name, which go to one safetensors file.
    blobs
        Bytes by file name, for libraries with a format of their own (XGBoost).
    """

    def __init__(
        self,
        config: dict[str, Any],
        arrays: dict[str, NDArray[Any]] | None = None,
        blobs: dict[str, bytes] | None = None,
    ) -> None:
        self.config = config
        self.arrays = arrays or {}
        self.blobs = blobs or {}

    def to_files(self, prefix: str) -> dict[str, bytes]:
        """Return the state as files: `prefix.json`, in the order of `config`, `prefix.safetensors` and `prefix.<blob name>`."""
        from safetensors.numpy import save

        files = {f"{prefix}.json": json.dumps(self.config, indent=1).encode()}
        if self.arrays:
            files[f"{prefix}.safetensors"] = save(
                {k: np.ascontiguousarray(v) for k, v in self.arrays.items()}
            )
        return files | {f"{prefix}.{name}": data for name, data in self.blobs.items()}

    @classmethod
    def from_files(cls, prefix: str, files: Mapping[str, bytes]) -> SavedState:
        """Read back what `to_files` gave."""
        from safetensors.numpy import load

        own = {
            name.removeprefix(f"{prefix}."): data
            for name, data in files.items()
            if name.startswith(f"{prefix}.")
        }
        config = json.loads(own.pop("json"))
        packed = own.pop("safetensors", None)
        return cls(config, load(packed) if packed else {}, own)
