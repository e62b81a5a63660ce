"""Records as embeddings: of their whole text, of their ranks, of each field that holds a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from sklearn.decomposition import PCA

from embedreg.core.protocols import SavedState
from embedreg.core.threads import one_blas_thread
from embedreg.ensemble._field_ranks import FieldRanks
from embedreg.ensemble._tabular_inputs import Features
from embedreg.ensemble._text_fields import checked_texts, text_fields

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from numpy.typing import NDArray

    from embedreg.core.protocols import Array
    from embedreg.core.records import Record
    from embedreg.ensemble._context import Context
    from embedreg.ensemble._field_ranks import Path
    from embedreg.text_embedder import TextEmbedder

_COMPONENTS: Final = 30  # of a field's embeddings
_LEARNT_FROM: Final = 2000  # records


@dataclass(frozen=True, eq=False)
class Text:
    """The embedding of a record's text."""

    embedder: TextEmbedder

    @classmethod
    def learn(cls, records: Sequence[Record], context: Context) -> Self:
        """Find the model."""
        return cls(context.embedder().fit(list(records)))

    def transform(self, records: Sequence[Record]) -> Array:
        """Return the embeddings, shape (n, d)."""
        return self.embedder.transform(list(records))

    def texts(self, records: Sequence[Record]) -> list[str]:
        """Return what is embedded."""
        return self.embedder.texts(list(records))

    def state(self) -> SavedState:
        """Return what tells whether the model is the same."""
        return SavedState(self.embedder.identity())

    @classmethod
    def from_state(cls, state: SavedState, context: Context) -> Self:
        """Return what was saved."""
        return cls(context.embedder().restore_as(state.config))


@dataclass(frozen=True, eq=False)
class RankText:
    """The embedding of a record's values, its numbers as ranks among the training records': a short text."""

    ranks: FieldRanks
    embedder: TextEmbedder

    @classmethod
    def learn(cls, records: Sequence[Record], context: Context) -> Self:
        """Learn the fields' ranks, and find the model."""
        ranks = FieldRanks.learn(records)
        return cls(ranks, cls._embedder(context).fit(ranks.transform(records)))

    def transform(self, records: Sequence[Record]) -> Array:
        """Return the embeddings, shape (n, d)."""
        return self.embedder.transform(self.ranks.transform(records))

    def texts(self, records: Sequence[Record]) -> list[str]:
        """Return what is embedded."""
        return self.embedder.texts(self.ranks.transform(records))

    def state(self) -> SavedState:
        """Return what it has learnt, and what tells whether the model is the same."""
        return SavedState(self.embedder.identity() | {"ranks": self.ranks.to_json()})

    @classmethod
    def from_state(cls, state: SavedState, context: Context) -> Self:
        """Return what was saved."""
        return cls(
            FieldRanks.from_json(state.config["ranks"]), cls._embedder(context).restore_as(state.config)
        )

    @staticmethod
    def _embedder(context: Context) -> TextEmbedder:
        return context.embedder(serializer="json_values", numbers="as_is")


@dataclass(frozen=True, eq=False)
class Fields:
    """The embeddings of the texts in a record's fields, each embedded by itself: a text's own meaning, whatever is around it.

    Attributes
    ----------
    paths
        Of the fields; the empty path is a record that is itself a text.
    embedder
        Of the texts.
    """

    paths: list[Path]
    embedder: TextEmbedder

    @classmethod
    def learn(cls, records: Sequence[Record], context: Context) -> Self:
        """Find the fields with texts, check these, and find the model."""
        found = cls(text_fields(records), context.embedder())
        found.texts(records)
        found.embedder.restore()
        return found

    def transform(self, records: Sequence[Record]) -> Array:
        """Return the fields' embeddings side by side, shape (n, d fields)."""
        return np.hstack(self.by_field(records))

    def by_field(self, records: Sequence[Record]) -> list[Array]:
        """Return each field's embeddings, shape (n, d)."""
        return np.split(self.embedder.transform(self.texts(records)), len(self.paths))

    def texts(self, records: Sequence[Record]) -> list[str]:
        """Return what is embedded, field by field."""
        return [text for path in self.paths for text in checked_texts(records, path)]

    def state(self) -> SavedState:
        """Return what it has learnt, and what tells whether the model is the same."""
        return SavedState(self.embedder.identity() | {"paths": [list(path) for path in self.paths]})

    @classmethod
    def from_state(cls, state: SavedState, context: Context) -> Self:
        """Return what was saved."""
        paths = [tuple(path) for path in state.config["paths"]]
        return cls(paths, context.embedder().restore_as(state.config))


@dataclass(frozen=True, eq=False)
class FeaturesAndFields:
    """Traditional features beside the leading components of each text field's embedding, for trees.

    Attributes
    ----------
    features, fields
        Fitted to training records.
    axes
        Of each field: the training embeddings' mean and the components, shape (k + 1, d).
    """

    features: Features
    fields: Fields
    axes: list[NDArray[np.float64]]

    @classmethod
    def learn(cls, records: Sequence[Record], context: Context) -> Self:
        """Fit to training records."""
        fields = Fields.learn(records, context)
        some = _sample(records, context.random_state)
        axes = [_leading_axes(vectors, context.random_state) for vectors in fields.by_field(some)]
        return cls(Features.learn(records, context), fields, axes)

    def transform(self, records: Sequence[Record]) -> Array:
        """Return features and components, shape (n, d)."""
        components = [
            (vectors - axes[0]) @ axes[1:].T
            for vectors, axes in zip(self.fields.by_field(records), self.axes, strict=True)
        ]
        return np.hstack([self.features.transform(records), *components])

    def state(self) -> SavedState:
        """Return what it has learnt."""
        features, fields = self.features.state(), self.fields.state()
        arrays = {f"axes-{i}": axes for i, axes in enumerate(self.axes)}
        config = {"features": features.config, "fields": fields.config, "count": len(self.axes)}
        return SavedState(config, features.arrays | arrays, features.blobs)

    @classmethod
    def from_state(cls, state: SavedState, context: Context) -> Self:
        """Return what was saved."""
        features = SavedState(state.config["features"], state.arrays, state.blobs)
        return cls(
            Features.from_state(features, context),
            Fields.from_state(SavedState(state.config["fields"]), context),
            [state.arrays[f"axes-{i}"] for i in range(state.config["count"])],
        )


def _sample(records: Sequence[Record], random_state: int) -> list[Record]:
    """Return as many records as components are learnt from."""
    if len(records) <= _LEARNT_FROM:
        return list(records)
    chosen = np.random.default_rng(random_state).choice(len(records), _LEARNT_FROM, replace=False)
    return [records[i] for i in np.sort(chosen).tolist()]


def _leading_axes(vectors: Array, random_state: int) -> NDArray[np.float64]:
    count = min(_COMPONENTS, vectors.shape[0] - 1, vectors.shape[1])
    with one_blas_thread():
        found = PCA(count, svd_solver="randomized", random_state=random_state).fit(vectors)
    return np.vstack([found.mean_, found.components_]).astype(np.float64)
