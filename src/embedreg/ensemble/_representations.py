"""The ways from a record to a vector that members take, each computed once for all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from sklearn.decomposition import PCA
from sklearn.preprocessing import PolynomialFeatures, SplineTransformer

from embedreg.core.errors import UsageError
from embedreg.core.protocols import SavedState
from embedreg.embed import make_embedder
from embedreg.ensemble._field_ranks import FieldRanks, Path
from embedreg.features import TabularFeatures
from embedreg.text_embedder import TextEmbedder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Self

    from numpy.typing import NDArray

    from embedreg.core.protocols import Array
    from embedreg.core.records import Record

_WIDEST: Final = 10_000  # columns of all layers together; of a larger model the last layer is taken
_QUANTILES: Final = 1000
_KNOTS: Final = np.linspace(0, 1, 5)
_COMPONENTS: Final = 30  # of a field's embeddings
_LEARNT_FROM: Final = 2000  # records
_KINDS_OF_TEXT: Final = 10  # fewer are categories
_MOST_FIELDS: Final = 6
_LOOKED_AT: Final = 1000  # records, to see whether any field has numbers


class MemberInput(Protocol):
    """A fitted way from records to vectors, that can be saved."""

    def transform(self, records: Sequence[Record]) -> Array:
        """Return the vectors, shape (n, d)."""
        ...

    def state(self) -> SavedState:
        """Return what it has learnt."""
        ...


@dataclass(frozen=True)
class Context:
    """What the user chose that representations take.

    Attributes
    ----------
    text
        Parameters of `TextEmbedder` that the user gave; what is absent is the ensemble's to choose.
    random_state
        Seed of traditional features.
    """

    text: Mapping[str, Any] = field(default_factory=dict)
    random_state: int = 0

    def embedder(self, **chosen: Any) -> TextEmbedder:
        """Return the embedder of all layers, where there are several, in the format that is chosen here."""
        layers = {} if "layers" in self.text else {"layers": self._layers()}
        return TextEmbedder(**({**chosen, **layers} | dict(self.text)))

    def _layers(self) -> str:
        """Return "all" where the model has layers to choose from, and not too many."""
        settings = {
            key: self.text[key] for key in ("model", "pooling", "dtype", "device") if key in self.text
        }
        model = settings.pop("model", TextEmbedder().model)
        try:
            made = make_embedder(model, layers="all", **settings)
        except UsageError:  # a static model or a service: it has its last layer only
            return "last"
        return "all" if made.dimension <= _WIDEST else "last"


@dataclass(frozen=True, eq=False)
class Features:
    """Traditional features."""

    features: TabularFeatures

    @classmethod
    def learn(cls, records: Sequence[Record], context: Context) -> Self:
        """Fit to training records."""
        return cls(TabularFeatures(random_state=context.random_state).fit(records))

    def transform(self, records: Sequence[Record]) -> Array:
        """Return the features, shape (n, d)."""
        return self.features.transform(records)

    def state(self) -> SavedState:
        """Return what it has learnt."""
        return self.features.state()

    @classmethod
    def from_state(cls, state: SavedState, context: Context) -> Self:  # noqa: ARG003 (all representations have it)
        """Return what was saved."""
        return cls(TabularFeatures.from_state(state))


@dataclass(frozen=True, eq=False)
class FeatureRanks:
    """Traditional features, each as the share of training rows below it: scales and outliers are gone.

    Attributes
    ----------
    features
        Fitted to training records.
    quantiles
        Of the training rows, ascending in each column, shape (q, d).
    """

    features: TabularFeatures
    quantiles: NDArray[np.float64]

    @classmethod
    def learn(cls, records: Sequence[Record], context: Context) -> Self:
        """Fit to training records."""
        features = TabularFeatures(random_state=context.random_state).fit(records)
        count = min(_QUANTILES, len(records))
        learnt = np.asarray(features.transform(records), dtype=np.float64)
        return cls(features, np.quantile(learnt, np.linspace(0, 1, count), axis=0))

    def transform(self, records: Sequence[Record]) -> Array:
        """Return the ranks between 0 and 1, shape (n, d); what lies beyond the training rows is at an end."""
        features = np.asarray(self.features.transform(records), dtype=np.float64)
        return np.column_stack([_ranks(x, q) for x, q in zip(features.T, self.quantiles.T, strict=True)])

    def state(self) -> SavedState:
        """Return what it has learnt."""
        own = self.features.state()
        return SavedState(own.config, own.arrays | {"quantiles": self.quantiles}, own.blobs)

    @classmethod
    def from_state(cls, state: SavedState, context: Context) -> Self:  # noqa: ARG003 (all representations have it)
        """Return what was saved."""
        return cls(TabularFeatures.from_state(state), state.arrays["quantiles"])


def _ranks(x: NDArray[np.float64], quantiles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of quantiles below x, the middle of it where several are equal to x."""
    below = np.linspace(0, 1, len(quantiles))
    from_left = np.interp(x, quantiles, below)
    from_right = 1 - np.interp(-x, -quantiles[::-1], below)
    return np.asarray((from_left + from_right) / 2)


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
class Splines:
    """Feature ranks, and smooth curves of each: a linear model of them is additive in the features.

    Attributes
    ----------
    ranks
        Of the features.
    curved
        Which features have more than two values in training, shape (d,).
    """

    ranks: FeatureRanks
    curved: NDArray[np.bool_]

    @classmethod
    def learn(cls, records: Sequence[Record], context: Context) -> Self:
        """Fit to training records."""
        ranks = FeatureRanks.learn(records, context)
        learnt = ranks.transform(records)
        return cls(ranks, np.array([len(np.unique(column)) > 2 for column in learnt.T], dtype=bool))

    def transform(self, records: Sequence[Record]) -> Array:
        """Return ranks and B-splines of them, shape (n, d + 7 curved)."""
        return self._expanded(self.ranks.transform(records))

    def _expanded(self, ranks: Array) -> Array:
        if not self.curved.any():
            return ranks
        knots = np.repeat(_KNOTS[:, None], int(self.curved.sum()), axis=1)
        curves = SplineTransformer(knots=knots).fit(knots)  # the knots are all that there is to it
        return np.hstack([ranks, curves.transform(ranks[:, self.curved])])

    def state(self) -> SavedState:
        """Return what it has learnt."""
        own = self.ranks.state()
        return SavedState(own.config, own.arrays | {"curved": self.curved}, own.blobs)

    @classmethod
    def from_state(cls, state: SavedState, context: Context) -> Self:
        """Return what was saved."""
        return cls(FeatureRanks.from_state(state, context), state.arrays["curved"])


class SplinesAndProducts(Splines):
    """Splines, and the products of every two feature ranks: a linear model of them has all interactions of two."""

    def _expanded(self, ranks: Array) -> Array:
        products = PolynomialFeatures(2, include_bias=False).fit_transform(ranks - 0.5)
        return np.hstack([super()._expanded(ranks), products[:, ranks.shape[1] :]])


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
        """Find the fields with texts, and the model."""
        paths = text_fields(records)
        texts = [_text_at(record, path) for path in paths for record in records]
        return cls(paths, context.embedder().fit(texts))

    def transform(self, records: Sequence[Record]) -> Array:
        """Return the fields' embeddings side by side, shape (n, d fields)."""
        return np.hstack(self.by_field(records))

    def by_field(self, records: Sequence[Record]) -> list[Array]:
        """Return each field's embeddings, shape (n, d)."""
        return np.split(self.embedder.transform(self.texts(records)), len(self.paths))

    def texts(self, records: Sequence[Record]) -> list[str]:
        """Return what is embedded, field by field."""
        return [_text_at(record, path) for path in self.paths for record in records]

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
    found = PCA(count, svd_solver="randomized", random_state=random_state).fit(vectors)
    return np.vstack([found.mean_, found.components_]).astype(np.float64)


def text_fields(records: Sequence[Record]) -> list[Path]:
    """Return the fields that hold texts: strings in most records, of at least ten kinds; those with most kinds first."""
    if isinstance(records[0], str):
        return [()]
    kinds: dict[Path, set[str]] = {}
    counts: Counter[Path] = Counter()
    for record in records[:_LOOKED_AT]:
        for path, text in _texts((), record):
            kinds.setdefault(path, set()).add(text)
            counts[path] += 1
    looked_at = min(len(records), _LOOKED_AT)
    found = [path for path in kinds if counts[path] > looked_at / 2 and len(kinds[path]) >= _KINDS_OF_TEXT]
    return sorted(found, key=lambda path: -len(kinds[path]))[:_MOST_FIELDS]


def _texts(path: Path, value: Any) -> Iterator[tuple[Path, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts((*path, key), item)
    elif isinstance(value, str) and value.strip():
        yield path, value


def _text_at(record: Any, path: Path) -> str:
    """Return a record that is a text; of others the text of a field, a dash where there is none."""
    if not path:
        return str(record)
    for key in path:
        record = record.get(key) if isinstance(record, Mapping) else None
    return record if isinstance(record, str) and record.strip() else "-"


@dataclass(frozen=True)
class Way:
    """A representation by name.

    Attributes
    ----------
    kind
        "tabular" or "embedding".
    cls
        With `learn(records, context)` and `from_state(state, context)`.
    reads_texts
        Whether learning it only checks the records' texts and finds the model.
    """

    kind: str
    cls: Any
    reads_texts: bool = False


REPRESENTATIONS: Final[dict[str, Way]] = {
    "features": Way("tabular", Features),
    "feature ranks": Way("tabular", FeatureRanks),
    "splines": Way("tabular", Splines),
    "splines and products": Way("tabular", SplinesAndProducts),
    "fields": Way("embedding", Fields, reads_texts=True),
    "features and fields": Way("embedding", FeaturesAndFields),
    "text": Way("embedding", Text, reads_texts=True),
    "text of ranks": Way("embedding", RankText, reads_texts=True),
}
"""Every representation that members take. A new one is a class and one line here."""


def why_not(name: str, records: Sequence[Record], context: Context) -> str | None:
    """Return why a representation is of no use on these records, or None if it is."""
    if name == "text of ranks":
        if {"serializer", "numbers"} & set(context.text):
            return "the way texts are written is given"
        return None if FieldRanks.learn(records[:_LOOKED_AT]).values else "no field has numbers"
    if name == "text":
        return "it is the one field" if isinstance(records[0], str) else None
    if name in ("fields", "features and fields"):
        return None if text_fields(records) else "no field has texts"
    return None
