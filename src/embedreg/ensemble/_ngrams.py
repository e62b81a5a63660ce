"""Records as counts of short runs of characters in their texts."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer

from embedreg.core.protocols import SavedState
from embedreg.ensemble._text_fields import text_at, text_fields

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from embedreg.core.protocols import Array
    from embedreg.core.records import Record
    from embedreg.ensemble._context import Context
    from embedreg.ensemble._field_ranks import Path

_LENGTHS: Final = (1, 4)
_MOST_TERMS: Final = 2000  # of all fields


@dataclass(frozen=True, eq=False)
class NGrams:
    """Roots of the counts of character n-grams: how alike two molecules, formulas or sequences are as they are written.

    The n-grams of 1 to 4 characters that at least two training texts have, the most frequent of them. A count's
    root has a variance that does not grow with the count, and the Euclidean distance between two rows is the
    Hellinger distance up to the texts' lengths.

    Attributes
    ----------
    paths
        Of the fields that hold texts.
    terms
        Of each field, in the order of the columns.
    """

    paths: list[Path]
    terms: list[list[str]]

    @classmethod
    def learn(cls, records: Sequence[Record], _context: Context) -> Self:
        """Find the fields with texts, and their most frequent n-grams."""
        paths = text_fields(records)
        return cls(paths, [_terms(_column(records, path), _MOST_TERMS // len(paths)) for path in paths])

    def transform(self, records: Sequence[Record]) -> Array:
        """Return the counts' roots, shape (n, terms)."""
        counts = [
            vectorizer.transform(_column(records, path)).toarray()
            for path, vectorizer in zip(self.paths, self._vectorizers, strict=True)
        ]
        return np.asarray(np.sqrt(np.hstack(counts)))

    def state(self) -> SavedState:
        """Return what it has learnt."""
        return SavedState({"paths": [list(path) for path in self.paths], "terms": self.terms})

    @classmethod
    def from_state(cls, state: SavedState, _context: Context) -> Self:
        """Return what was saved."""
        return cls([tuple(path) for path in state.config["paths"]], state.config["terms"])

    @functools.cached_property
    def _vectorizers(self) -> list[CountVectorizer]:
        return [_vectorizer(vocabulary=terms) for terms in self.terms]


def _column(records: Sequence[Record], path: Path) -> list[str]:
    return [text_at(record, path) for record in records]


def _terms(texts: list[str], most: int) -> list[str]:
    """Return the most frequent n-grams that two texts share, else those of all."""
    for fewest in (2, 1):
        try:
            return list(_vectorizer(min_df=fewest, max_features=most).fit(texts).get_feature_names_out())
        except ValueError:  # scikit-learn's word for none that two texts share
            continue
    return ["-"]


def _vectorizer(
    *, min_df: int = 1, max_features: int | None = None, vocabulary: list[str] | None = None
) -> CountVectorizer:
    return CountVectorizer(
        analyzer="char",
        ngram_range=_LENGTHS,
        lowercase=False,  # C is another atom than c in a molecule
        dtype=np.float32,
        min_df=min_df,
        max_features=max_features,
        vocabulary=vocabulary,
    )
