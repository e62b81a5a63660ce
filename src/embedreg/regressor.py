"""record -> number: a representation and a head behind scikit-learn's contract for estimators."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, column_or_1d, has_fit_parameter

from embedreg.core.bundle import read_bundle, write_bundle
from embedreg.core.errors import DataError, SavedModelError, UsageError, unknown_name
from embedreg.core.protocols import SavedState
from embedreg.core.records import Records, as_records
from embedreg.embed import DEFAULT_MODEL
from embedreg.features import TabularFeatures
from embedreg.heads import Head, head_from_state, make_head
from embedreg.serialize import DEFAULT_NUMBERS, DEFAULT_SERIALIZER
from embedreg.text_embedder import TextEmbedder, accept_any_record, check_columns, remember_columns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from embedreg.core.protocols import Array, Embedder, Serializer

REPRESENTATIONS: Final = ("embedding", "tabular")
_KIND: Final = "regressor"
_TEXT_PARAMETERS: Final = ("model", "serializer", "numbers", "pooling", "layers", "dtype", "device", "cache")


class EmbeddingRegressor(RegressorMixin, BaseEstimator):
    """Predict a number from records by way of a language model's embeddings.

    Parameters
    ----------
    model
        A name of the catalogue (`embedreg models list`), the path of a Hugging Face directory, or an `Embedder`.
    head
        What fits the number to the vectors: "ridge", "mlp" (the paper's sweep), "xgboost" or "mean"; or a `Head`.
    representation
        "embedding", or "tabular" for traditional features alone, which need no language model.
    target_transform
        None, "yeo-johnson", or "auto" to use that when the training targets are skewed. It belongs to the head: it must be
        None when `head` is a `Head`, which has its own.
    random_state
        Seed of everything random: the rows a head holds out, and its initial weights.
    serializer, numbers, pooling, layers, dtype, device, cache
        As in `TextEmbedder`.

    Attributes
    ----------
    representation_ : TextEmbedder or TabularFeatures
        The fitted way from a record to a vector.
    head_ : Head
        The fitted way from a vector to a number.
    feature_names_in_ : ndarray of shape (columns,)
        Column names, if `X` was a table whose columns have names.
    n_features_in_ : int
        How many columns, if `X` was a table or a 2-D array.

    Notes
    -----
    The method is that of "Understanding LLM Embeddings for Regression", arXiv 2411.14708, section 3, with ridge regression in
    place of its MLP as the default head; `head="mlp"` is the paper's.

    Examples
    --------
    >>> import embedreg
    >>> records = [{"depth": d, "rate": r} for d in (2, 4, 6, 8) for r in (0.1, 0.2, 0.4)]
    >>> y = [r["depth"] * r["rate"] for r in records]
    >>> model = embedreg.EmbeddingRegressor(representation="tabular").fit(records, y)
    >>> model.predict([{"depth": 5, "rate": 0.3}]).shape
    (1,)
    """

    representation_: Any
    head_: Head
    feature_names_in_: NDArray[np.object_]
    n_features_in_: int

    def __init__(
        self,
        model: str | Path | Embedder = DEFAULT_MODEL,
        *,
        head: str | Head = "ridge",
        representation: str = "embedding",
        serializer: str | Serializer = DEFAULT_SERIALIZER,
        numbers: str = DEFAULT_NUMBERS,
        pooling: str = "mean",
        layers: str | int = "last",
        dtype: str = "float32",
        device: str = "auto",
        target_transform: str | None = None,
        cache: bool | str | Path = True,
        random_state: int = 0,
    ) -> None:
        self.model = model
        self.head = head
        self.representation = representation
        self.serializer = serializer
        self.numbers = numbers
        self.pooling = pooling
        self.layers = layers
        self.dtype = dtype
        self.device = device
        self.target_transform = target_transform
        self.cache = cache
        self.random_state = random_state

    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Embed the records and fit the head.

        Parameters
        ----------
        X
            n records: a list of str or dict, a DataFrame, an Arrow table or a 2-D array.
        y
            n finite numbers.
        sample_weight
            n weights, for heads that have them ("ridge", "xgboost").

        Raises
        ------
        UsageError
            If a parameter names nothing, or the head takes no weights.
        DataError
            If the records or targets cannot be used as they are. Nothing was embedded then.
        """
        head = make_head(self.head, random_state=self.random_state, target_transform=self.target_transform)
        weights = _weights_for(head, sample_weight)
        records = as_records(X)
        targets = _check_targets(y, records)
        representation = self._make_representation().fit(records, targets)
        vectors = representation.transform(records)
        self.head_ = head.fit(vectors, targets, **weights)
        self.representation_ = representation
        remember_columns(self, records)
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Return the predicted numbers of n records, shape (n,), in the unit of `y`.

        Raises
        ------
        DataError
            If a record cannot be used, or its columns are not those of `fit`.
        """
        check_is_fitted(self, "head_")
        records = as_records(X)
        check_columns(self, records)
        vectors: Array = self.representation_.transform(records)
        return self.head_.predict(vectors)

    def save(
        self, path: str | Path, *, overwrite: bool = False, extra: Mapping[str, Any] | None = None
    ) -> None:
        """Save to a directory of JSON and safetensors files, with a manifest of their hashes. No pickle.

        The language model's weights are not copied: they are found again by name and hash.

        Parameters
        ----------
        path
            The directory to make.
        overwrite
            Whether a saved model at that path may be replaced.
        extra
            JSON values to keep beside the model; `load` gives them back as `extra_`.

        Raises
        ------
        OutputError
            If something is at `path`, or it cannot be written.
        """
        check_is_fitted(self, "head_")
        config = {
            "parameters": self._plain_parameters(),
            "columns": list(getattr(self, "feature_names_in_", [])) or None,
            "width": getattr(self, "n_features_in_", None),
            "embedder": _identity(self.representation_),
            "extra": dict(extra or {}),
        }
        files = SavedState(config).to_files("regressor") | self.head_.state().to_files("head")
        if isinstance(self.representation_, TabularFeatures):
            files |= self.representation_.state().to_files("features")
        write_bundle(Path(path), _KIND, files, overwrite=overwrite)

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        model: str | Path | Embedder | None = None,
        device: str | None = None,
        cache: bool | str | Path | None = None,
    ) -> Self:
        """Load what `save` wrote, on any machine, without the training data.

        Parameters
        ----------
        path
            The directory.
        model
            Where the language model is here, if not under the name or path it had; its hash must be the same.
        device, cache
            As in `TextEmbedder`, if not as they were where it was saved.

        Raises
        ------
        SavedModelError
            If a file is missing or changed, or the language model is another one.
        """
        files = read_bundle(Path(path), _KIND)
        config = SavedState.from_files("regressor", files).config
        here = {"model": model, "device": device, "cache": cache}
        parameters = config["parameters"] | {name: value for name, value in here.items() if value is not None}
        head = head_from_state(SavedState.from_files("head", files))
        regressor = cls(**({"head": head} | parameters))
        regressor.head_ = head
        regressor.extra_ = config["extra"]
        if regressor.representation == "tabular":
            regressor.representation_ = TabularFeatures.from_state(SavedState.from_files("features", files))
        else:
            regressor.representation_ = _restored_embedder(
                regressor._make_representation(), config["embedder"]
            )
        columns = tuple(config["columns"]) if config["columns"] else None
        remember_columns(regressor, Records([], columns, config["width"]))
        return regressor

    extra_: dict[str, Any]

    def _make_representation(self) -> Any:
        if self.representation not in REPRESENTATIONS:
            raise unknown_name("representation", self.representation, REPRESENTATIONS)
        if self.representation == "tabular":
            return TabularFeatures(random_state=self.random_state)
        return TextEmbedder(**{name: getattr(self, name) for name in _TEXT_PARAMETERS})

    def _plain_parameters(self) -> dict[str, Any]:
        """Return the parameters as JSON values; an object is saved by its name and settings, a head by its state."""
        parameters: dict[str, Any] = self.get_params(deep=False)
        if isinstance(parameters["head"], Head):
            del parameters["head"], parameters["target_transform"]
        if not isinstance(self.model, str):
            parameters["model"] = (
                str(self.model.absolute()) if isinstance(self.model, Path) else self.model.name
            )
        if not isinstance(self.serializer, str):
            settings = self.serializer.settings()
            parameters |= {"serializer": settings["name"], "numbers": settings["numbers"]}
        if isinstance(self.cache, Path):
            parameters["cache"] = str(self.cache)
        return parameters

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        accept_any_record(tags)
        return tags


def _check_targets(y: ArrayLike, records: Records) -> NDArray[np.float64]:
    """Return y as float64 of shape (n,), or say which rows cannot be used."""
    if y is None:
        raise DataError(
            "no y. This estimator requires y to be passed, but the target y is None",
            expected=f"{len(records)} numbers",
            mend="call fit(X, y)",
        )
    try:
        targets: NDArray[np.float64] = column_or_1d(np.asarray(y), warn=True).astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"targets that are no numbers ({error})", expected="one number a record", mend="convert y"
        ) from None
    if len(targets) != len(records):
        raise DataError(
            f"{len(records)} records and {len(targets)} targets",
            expected="as many targets as records",
            mend="align X and y",
        )
    unusable = np.flatnonzero(~np.isfinite(targets))
    if len(unusable):
        rows = ", ".join(map(str, unusable[:5]))
        raise DataError(
            f"{len(unusable)} targets that are NaN or infinite (inf), the first in rows {rows}",
            expected="finite numbers",
            mend="drop those rows, or fill in their targets",
        )
    return targets


def _weights_for(head: Head, sample_weight: ArrayLike | None) -> dict[str, Any]:
    if sample_weight is None:
        return {}
    if not has_fit_parameter(head, "sample_weight"):
        raise UsageError(
            f"sample_weight for the head {head.name!r}",
            expected="a head that takes weights",
            mend="use head='ridge' or head='xgboost', or leave the weights out",
        )
    return {"sample_weight": sample_weight}


def _identity(representation: TextEmbedder | TabularFeatures) -> dict[str, Any] | None:
    if isinstance(representation, TabularFeatures):
        return None
    return {
        "name": representation.embedder_.name,
        "fingerprint": dict(representation.embedder_.fingerprint()),
    }


def _restored_embedder(embedder: TextEmbedder, saved: dict[str, Any]) -> TextEmbedder:
    """Find the language model again and make sure that it is the same."""
    restored = embedder.restore()
    here = json.loads(json.dumps(dict(restored.embedder_.fingerprint())))
    differs = sorted(
        key
        for key in here.keys() | saved["fingerprint"].keys()
        if here.get(key) != saved["fingerprint"].get(key)
    )
    if differs:
        raise SavedModelError(
            f"another language model than {saved['name']!r} was fitted with (differs in {', '.join(differs)})",
            expected="the same weights and settings, as their sha256 tells",
            mend="give the right model's path: EmbeddingRegressor.load(path, model=...), or fit again",
        )
    return restored
