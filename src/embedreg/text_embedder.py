"""record -> text -> vector, as a scikit-learn transformer."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from embedreg.core.arguments import check_cache
from embedreg.core.errors import DataError, SavedModelError, UnknownModelError, UsageError
from embedreg.core.records import Records, as_records, check_same_form
from embedreg.core.texts import check_texts
from embedreg.core.warn import warn
from embedreg.embed import DEFAULT_MODEL, EmbeddingCache, embed_texts, make_embedder, plan_embedding
from embedreg.embed._cache_errors import CacheError
from embedreg.embed._cache_space import canonical
from embedreg.embed._dimension import known_dimension
from embedreg.serialize import DEFAULT_NUMBERS, DEFAULT_SERIALIZER, make_serializer, serialize_records

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from embedreg.core.protocols import Embedder, Serializer
    from embedreg.core.records import Record
    from embedreg.embed import EmbeddingPlan

_SCHEMA: Final = "schema"  # what a fingerprint calls the version of an engine's computation


class TextEmbedder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Turn records into the embeddings of their text.

    Nothing is learnt: `fit` finds the model and remembers the form of the records. The model's weights are fetched when they
    are first needed, and every vector is kept in the cache.

    Parameters
    ----------
    model
        A name of the catalogue (`embedreg models list`), the path of a Hugging Face directory, or an `Embedder`.
    serializer
        How a mapping becomes a text: "json", "json_values", "key_value" or "values". A record that is a text stays as it is.
    numbers
        How numbers are written: "significant:N", "decimals:N" or "as_is".
    pooling
        From token vectors to one: "mean" (over real tokens), "weighted", "max", "last", "first", "mean_padded" or "model".
        "auto" is what the model's string says, as in "minilm?pooling=max", or else "mean".
    layers
        Whose output is pooled: "last", "all" (concatenated), "mean" (averaged), a range as "2-4" or "mean:2-4", or an index.
        "auto" is what the model's string says, or else "last".
    dtype
        Precision of the forward pass, "float32", "bfloat16", "float16", "int8" or "auto"; pooling is always in float32.
    device
        "auto", or a PyTorch device such as "cpu" or "cuda:0".
    cache
        True for the user's cache, False for none, or a directory.

    Attributes
    ----------
    embedder_ : Embedder
        What `model` stands for.
    serializer_ : Serializer
        What `serializer` and `numbers` stand for.
    is_text_ : bool
        Whether the training records were texts.
    feature_names_in_ : ndarray of shape (columns,)
        Column names, if `X` was a table whose columns have names.
    n_features_in_ : int
        How many columns, if `X` was a table or a 2-D array.

    Examples
    --------
    >>> import embedreg
    >>> embedder = embedreg.TextEmbedder(model="minilm", numbers="decimals:2")
    >>> embedder.get_params()["numbers"]
    'decimals:2'
    >>> vectors = embedder.fit_transform([{"lr": 0.1}, {"lr": 0.2}])  # doctest: +SKIP
    >>> vectors.shape  # doctest: +SKIP
    (2, 384)
    """

    embedder_: Embedder
    serializer_: Serializer
    is_text_: bool
    feature_names_in_: NDArray[np.object_]
    n_features_in_: int

    def __init__(
        self,
        model: str | Path | Embedder = DEFAULT_MODEL,
        *,
        serializer: str | Serializer = DEFAULT_SERIALIZER,
        numbers: str = DEFAULT_NUMBERS,
        pooling: str = "auto",
        layers: str | int = "auto",
        dtype: str = "auto",
        device: str = "auto",
        cache: bool | str | Path = True,
    ) -> None:
        self.model = model
        self.serializer = serializer
        self.numbers = numbers
        self.pooling = pooling
        self.layers = layers
        self.dtype = dtype
        self.device = device
        self.cache = cache

    def fit(self, X: Any, y: Any = None) -> TextEmbedder:  # noqa: ARG002 (scikit-learn's signature)
        """Check the records and find the model.

        Parameters
        ----------
        X
            n records: a list of str or dict, a DataFrame, an Arrow table or a 2-D array.
        y
            Ignored.

        Raises
        ------
        UsageError
            If a parameter names nothing or cannot be meant.
        DataError
            If a record cannot be written as text.
        """
        records = _some_records(X)
        self.serializer_ = make_serializer(self.serializer, self.numbers)
        self._texts(records)
        remember_form(self, records)
        return self.restore()

    def restore(self) -> TextEmbedder:
        """Find the model and the serializer by their names alone, as `fit` does after looking at the records."""
        return self._find(self.dtype)

    def _find(self, dtype: str) -> TextEmbedder:
        check_cache(self.cache)
        self.serializer_ = make_serializer(self.serializer, self.numbers)
        self.embedder_ = make_embedder(
            self.model, pooling=self.pooling, layers=self.layers, dtype=dtype, device=self.device
        )
        return self

    def identity(self) -> dict[str, Any]:
        """Return the model's name and fingerprint, for `restore_as`."""
        check_is_fitted(self, "embedder_")
        return {
            "name": self.embedder_.name,
            "fingerprint": json.loads(canonical(self.embedder_.fingerprint())),
        }

    def restore_as(self, saved: Mapping[str, Any]) -> TextEmbedder:
        """Find the model again and make sure that it is the one whose `identity()` was saved.

        A precision that was left to be measured is the one that it came to then, also on a machine on which it
        would come to another.

        Raises
        ------
        SavedModelError
            If it is another one, or not found.
        """
        there = saved["fingerprint"]
        may_be_told = isinstance(self.model, (str, os.PathLike))  # an embedder has its own precision
        try:
            self._find(there.get("dtype", self.dtype) if self.dtype == "auto" and may_be_told else self.dtype)
        except UnknownModelError as error:
            raise SavedModelError(
                f"{error.got}, as no name or path leads to the language model {saved['name']!r} here",
                expected="the language model that was fitted with",
                mend="give it: EmbeddingRegressor.load(path, model=...), with your own embedder or the model's path",
            ) from error
        here = self.identity()["fingerprint"]
        differs = sorted(key for key in here.keys() | there.keys() if here.get(key) != there.get(key))
        if differs == [_SCHEMA]:
            raise SavedModelError(
                f"a model whose vectors of {saved['name']!r} are from another release of embedreg, whose last digits differ",
                expected="one that was fitted with vectors as this release computes them",
                mend="fit again, or predict with the release that it was fitted with",
            )
        if differs:
            raise SavedModelError(
                f"another language model than {saved['name']!r} was fitted with (differs in {', '.join(differs)})",
                expected="the same weights and settings, as their sha256 tells",
                mend="give the right model's path: EmbeddingRegressor.load(path, model=...), or fit again",
            )
        return self

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> NDArray[np.float32]:
        """Fit, and return what `transform` gives for the same records, which may come from an iterator."""
        given = list(X) if isinstance(X, Iterator) else X  # it would have nothing left for `transform`
        result: NDArray[np.float32] = super().fit_transform(given, y, **fit_params)
        return result

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Return the embeddings of n records, shape (n, d), float32.

        Raises
        ------
        DataError
            If a record cannot be written as text, is a text where `fit` had mappings or the other way round, or its columns
            are not those of `fit`.
        ModelError
            If the weights cannot be had, or give numbers that are not finite.
        """
        check_is_fitted(self, "embedder_")
        records = records_as_in_fit(self, X)
        return embed_texts(self.embedder_, self._texts(records), cache=self._open_cache())

    def texts(self, X: Any) -> list[str]:
        """Return the text of each record, as the model gets to read it.

        Examples
        --------
        >>> TextEmbedder(numbers="decimals:2").texts([{"lr": 0.12345, "optimizer": "adam"}])
        ['{"lr": 0.12, "optimizer": "adam"}']
        """
        return serialize_records(make_serializer(self.serializer, self.numbers), as_records(X).items)

    def plan(self, X: Any, *, batch_rows: int | None = None) -> EmbeddingPlan:
        """Say what `transform` would take for these records: texts, tokens, requests and cost. Nothing is sent.

        Parameters
        ----------
        X
            Records.
        batch_rows
            How many of them at a time `transform` is called with; None for all.

        Raises
        ------
        DataError
            If a record cannot be written as text.
        """
        records = as_records(X)
        self.restore()
        texts = self._texts(records)
        return plan_embedding(self.embedder_, texts, cache=self._open_cache(), batch=batch_rows)

    def _texts(self, records: Records) -> list[str]:
        texts = serialize_records(self.serializer_, records.items)
        check_texts(texts)
        return texts

    def _open_cache(self) -> EmbeddingCache | None:
        check_cache(self.cache)
        if self.cache is False:
            return None
        return EmbeddingCache(None if self.cache is True else Path(self.cache))

    @property
    def _n_features_out(self) -> int:
        """Return d, for `get_feature_names_out`."""
        check_is_fitted(self, "embedder_")
        known = None
        with contextlib.suppress(CacheError):  # whoever embeds says so
            known = known_dimension(self.embedder_, self._open_cache())
        return self.embedder_.dimension if known is None else known

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        accept_any_record(tags)
        tags.transformer_tags.preserves_dtype = []
        return tags


def accept_any_record(tags: Any) -> None:
    """Say in scikit-learn's tags that the input may be texts, mappings, categories or numbers with gaps."""
    tags.input_tags.string = True
    tags.input_tags.categorical = True
    tags.input_tags.allow_nan = True
    tags.input_tags.two_d_array = True


def remember_form(estimator: Any, records: Records) -> None:
    """Set `is_text_`, and for tables and arrays alone scikit-learn's `feature_names_in_` and `n_features_in_`."""
    estimator.is_text_ = records.is_text
    for attribute in ("feature_names_in_", "n_features_in_"):
        if hasattr(estimator, attribute):
            delattr(estimator, attribute)
    if records.feature_names is not None:
        estimator.feature_names_in_ = np.array(records.feature_names, dtype=object)
    if records.width is not None:
        estimator.n_features_in_ = records.width


def records_as_in_fit(estimator: Any, X: Any) -> Records:
    """Return the records of X, whose columns are those of `fit`: by name, or in their order where one has no names.

    Raises
    ------
    DataError
        If the records cannot be used, are texts where `fit` had mappings or the other way round, or columns are missing or
        were not there at `fit`.

    Warns
    -----
    EmbedregWarning
        If X has names of columns and `fit` had none, or the other way round.
    """
    records = as_records(X)
    is_text = getattr(estimator, "is_text_", None)
    if is_text is not None:  # else it was restored by its name alone
        check_same_form(records, is_text=is_text)
    _check_columns(estimator, records)
    names = getattr(estimator, "feature_names_in_", None)
    has_names = records.feature_names is not None
    if records.width is None or not hasattr(estimator, "n_features_in_") or has_names == (names is not None):
        return records
    name = type(estimator).__name__
    differs = (
        f"X has feature names, but {name} was fitted without feature names"
        if has_names
        else f"X does not have valid feature names, but {name} was fitted with feature names"
    )
    warn(f"{differs}: its columns are taken in their order")
    known = [f"x{i}" for i in range(records.width)] if names is None else [str(name) for name in names]
    items: list[Record] = [
        dict(zip(known, item.values(), strict=True)) for item in records.items if isinstance(item, Mapping)
    ]
    return replace(records, items=items)


def _check_columns(estimator: Any, records: Records) -> None:
    """Refuse a table whose columns are not those of `fit`; their order does not matter.

    Raises
    ------
    DataError
        If columns are missing or were not there at `fit`.
    """
    width = getattr(estimator, "n_features_in_", None)
    names = getattr(estimator, "feature_names_in_", None)
    differs = []
    if names is not None and records.feature_names is not None:
        if unseen := sorted(set(records.feature_names) - set(names)):
            differs.append(f"columns {unseen} that fit did not see")
        if missing := sorted(set(names) - set(records.feature_names)):
            differs.append(f"no columns {missing}")
    if records.width is not None and width is not None and records.width != width:
        # the words "X has ... features, but ... is expecting" are scikit-learn's, and its checks look for them
        differs.append(
            f"X has {records.width} features, but {type(estimator).__name__} is expecting {width} features as input"
        )
    if differs:
        raise DataError(
            ", and ".join(differs),
            expected=f"{width} columns" if names is None else f"the columns of fit: {', '.join(names)}",
            mend="give the columns of fit, all of them and no others"
            + ("" if names is None else "; their order does not matter where they have names"),
        )


def _some_records(X: Any) -> Records:
    records = as_records(X)
    if not len(records):
        raise UsageError(
            "0 records. Found array with 0 sample(s)", expected="at least one", mend="give some data"
        )
    return records
