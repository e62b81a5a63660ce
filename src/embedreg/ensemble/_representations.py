"""The ways from a record to a vector that members take, each computed once for all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from embedreg.core.errors import UsageError
from embedreg.core.protocols import SavedState
from embedreg.embed import make_embedder
from embedreg.ensemble._field_ranks import FieldRanks
from embedreg.features import TabularFeatures
from embedreg.text_embedder import TextEmbedder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from numpy.typing import NDArray

    from embedreg.core.protocols import Array
    from embedreg.core.records import Record

_WIDEST: Final = 10_000  # columns of all layers together; of a larger model the last layer is taken
_QUANTILES: Final = 1000
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


@dataclass(frozen=True)
class Way:
    """A representation by name.

    Attributes
    ----------
    kind
        "tabular" or "embedding".
    cls
        With `learn(records, context)` and `from_state(state, context)`.
    """

    kind: str
    cls: Any


REPRESENTATIONS: Final[dict[str, Way]] = {
    "features": Way("tabular", Features),
    "feature ranks": Way("tabular", FeatureRanks),
    "text": Way("embedding", Text),
    "text of ranks": Way("embedding", RankText),
}
"""Every representation that members take. A new one is a class and one line here."""


def applicable(name: str, records: Sequence[Record], context: Context) -> bool:
    """Whether a representation differs from the others on these records: ranks need numbers and a free format."""
    if name != "text of ranks":
        return True
    fixed = {"serializer", "numbers"} & set(context.text)
    return not fixed and bool(FieldRanks.learn(records[:_LOOKED_AT]).values)
