"""Free text, by character n-grams."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from sklearn.utils.extmath import randomized_svd

from embedreg.core.each_text_once import remembered
from embedreg.core.threads import one_blas_thread
from embedreg.features._column import Block, Column, Settings
from embedreg.features._scaling import mean_and_deviation, standardise
from embedreg.features._values import written

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from sklearn.feature_extraction.text import TfidfVectorizer

_TERMS: Final[dict[str, Any]] = {
    "analyzer": "char_wb",
    "ngram_range": (
        1,
        4,
    ),  # single characters helped a ridge a little on six tasks with texts; trees did not mind
    "lowercase": False,  # C is another atom than c in a molecule
}
_MAX_TERMS: Final = 20_000
_NEGLIGIBLE: Final = 1e-6


@dataclass(frozen=True, eq=False)
class TextColumn(Column):
    """Latent semantic analysis of character n-grams, and the text's length.

    The n-grams of 1 to 4 characters within words, upper and lower case as written, that at least two training
    texts have (the 20,000 most frequent), are weighted by tf-idf with logarithmic counts and projected on
    their leading singular vectors [1]_. The components are centred and divided by one number, so that the
    most varied one has unit deviation and the others weigh as little as they vary.

    Attributes
    ----------
    terms
        The n-grams, t of them, in the order of `idf`.
    idf
        Inverse document frequencies, shape (t,).
    components
        Singular vectors, shape (k, t).
    centre
        Mean of the training texts' components, shape (k,).
    scale
        The most varied component's deviation.
    length_mean, length_deviation
        Of the number of characters in training, shape (1,).

    References
    ----------
    .. [1] S. Deerwester, S. T. Dumais, G. W. Furnas, T. K. Landauer and R. Harshman, "Indexing by latent
       semantic analysis", Journal of the American Society for Information Science 41, 1990.
    """

    kind: ClassVar[str] = "text"
    terms: list[str]
    idf: Block
    components: Block
    centre: Block
    scale: float
    length_mean: Block
    length_deviation: Block

    @classmethod
    def fit(cls, cells: Sequence[Any], settings: Settings, /) -> Self:
        from sklearn.feature_extraction.text import TfidfTransformer  # noqa: PLC0415 (a table without texts does without)

        texts = [written(cell) for cell in cells if cell is not None]
        lengths = mean_and_deviation(_lengths(texts))
        counted = _count_terms(texts)
        if counted is None:
            return cls([], np.zeros(0), np.zeros((0, 0)), np.zeros(0), 1.0, *lengths)
        terms, counts = counted
        tfidf = TfidfTransformer(sublinear_tf=True).fit(counts)
        weights = tfidf.transform(counts, copy=False)
        components = _singular_vectors(weights, settings)
        projected = weights @ components.T
        scale = float(projected.std(axis=0).max()) or 1.0
        return cls(terms, tfidf.idf_, components, projected.mean(axis=0), scale, *lengths)

    def read(self, cell: Any) -> str:
        return written(cell)

    def suffixes(self) -> list[str]:
        return [*(f": component {place}" for place in range(1, len(self.centre) + 1)), ": length"]

    def encode(self, values: Sequence[str | None]) -> Block:
        memory = remembered()
        if memory is None:
            return self._encode(values)
        same = self, tuple(values)
        if same not in memory:
            memory[same] = self._encode(values)
        found: Block = memory[same]
        return found

    def _encode(self, values: Sequence[str | None]) -> Block:
        block = np.zeros((len(values), len(self.centre) + 1))
        present = [row for row, value in enumerate(values) if value is not None]
        texts = [value for value in values if value is not None]
        if texts and self.terms:
            block[present, :-1] = (
                self._vectorizer.transform(texts) @ self.components.T - self.centre
            ) / self.scale
        block[present, -1:] = standardise(_lengths(texts), self.length_mean, self.length_deviation)
        return block

    @functools.cached_property
    def _vectorizer(self) -> TfidfVectorizer:
        from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415 (a table without texts does without)

        vectorizer = TfidfVectorizer(**_TERMS, sublinear_tf=True, vocabulary=self.terms)
        vectorizer.idf_ = self.idf
        return vectorizer


def _count_terms(texts: list[str]) -> tuple[list[str], Any] | None:
    """Return the n-grams that two texts share, else all, and how often each text has them, (n, t); None if there are none."""
    from sklearn.feature_extraction.text import CountVectorizer  # noqa: PLC0415 (a table without texts does without)

    for min_df in (2, 1):
        vectorizer = CountVectorizer(**_TERMS, min_df=min_df, max_features=_MAX_TERMS)
        try:
            counts = vectorizer.fit_transform(texts)
        except ValueError:  # scikit-learn's word for an empty vocabulary
            continue
        counts.sort_indices()  # sums are then taken in the order in which `encode` takes them
        return list(vectorizer.get_feature_names_out()), counts
    return None


def _singular_vectors(weights: Any, settings: Settings) -> Block:
    """Return the leading right singular vectors, shape (k, t), less those that are rounding error."""
    wanted = min(settings.text_components, *weights.shape)
    with one_blas_thread():
        _, sizes, vectors = randomized_svd(weights, wanted, random_state=settings.random_state)
    kept: Block = vectors[sizes > _NEGLIGIBLE * sizes[0]]
    return kept


def _lengths(texts: Sequence[str]) -> Block:
    return np.array([[len(text)] for text in texts], dtype=np.float64).reshape(-1, 1)
