"""The ways from a record to a vector that members take, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from embedreg.ensemble._field_ranks import FieldRanks
from embedreg.ensemble._ngrams import NGrams
from embedreg.ensemble._tabular_inputs import (
    FeatureRanks,
    Features,
    PooledFields,
    RanksAndPooledFields,
    Splines,
    SplinesAndProducts,
    pooled_positions,
)
from embedreg.ensemble._text_fields import some_records, text_fields
from embedreg.ensemble._text_inputs import FeaturesAndFields, Fields, RankText, Text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from embedreg.core.protocols import Array, SavedState
    from embedreg.core.records import Record
    from embedreg.ensemble._context import Context
    from embedreg.features import TabularFeatures


class MemberInput(Protocol):
    """A fitted way from records to vectors, that can be saved."""

    def transform(self, records: Sequence[Record]) -> Array:
        """Return the vectors, shape (n, d)."""
        ...

    def state(self) -> SavedState:
        """Return what it has learnt."""
        ...


def _no_texts(records: Sequence[Record], _context: Context) -> str | None:
    return None if text_fields(records) else "no field has texts"


def _one_field(records: Sequence[Record], _context: Context) -> str | None:
    return "it is the one field" if isinstance(records[0], str) else None


def _no_ranks(records: Sequence[Record], context: Context) -> str | None:
    if {"serializer", "numbers"} & set(context.text):
        return "the way texts are written is given"
    return None if FieldRanks.learn(some_records(records)).values else "no field has numbers"


def _few_alike(features: TabularFeatures) -> str | None:
    return None if pooled_positions(features) else "too few fields are alike"


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
    of_no_use
        Says why it is of no use on some records, or None if it is.
    of_no_use_with
        Likewise of the records' traditional features.
    """

    kind: str
    cls: Any
    reads_texts: bool = False
    of_no_use: Callable[[Sequence[Record], Context], str | None] | None = None
    of_no_use_with: Callable[[TabularFeatures], str | None] | None = None

    def why_not(self, records: Sequence[Record], context: Context) -> str | None:
        """Return why it is of no use on these records, or None if it is."""
        return self.of_no_use and self.of_no_use(records, context)

    def why_not_with(self, features: TabularFeatures) -> str | None:
        """Return why it is of no use beside these traditional features, or None if it is."""
        return self.of_no_use_with and self.of_no_use_with(features)


REPRESENTATIONS: Final[dict[str, Way]] = {
    "features": Way("tabular", Features),
    "feature ranks": Way("tabular", FeatureRanks),
    "splines": Way("tabular", Splines),
    "splines and products": Way("tabular", SplinesAndProducts),
    "pooled fields": Way("tabular", PooledFields, of_no_use_with=_few_alike),
    "ranks and pooled fields": Way("tabular", RanksAndPooledFields, of_no_use_with=_few_alike),
    "n-grams": Way("tabular", NGrams, of_no_use=_no_texts),
    "fields": Way("embedding", Fields, reads_texts=True, of_no_use=_no_texts),
    "features and fields": Way("embedding", FeaturesAndFields, of_no_use=_no_texts),
    "text": Way("embedding", Text, reads_texts=True, of_no_use=_one_field),
    "text of ranks": Way("embedding", RankText, reads_texts=True, of_no_use=_no_ranks),
}
"""Every representation that members take. A new one is a class and one line here."""
