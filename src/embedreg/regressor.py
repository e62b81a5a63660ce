"""record -> number: representations and heads behind scikit-learn's contract for estimators."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from embedreg import ensemble
from embedreg.core import arguments
from embedreg.core.bundle import read_bundle, write_bundle
from embedreg.core.errors import DataError, UsageError, unknown_name
from embedreg.core.plain_outputs import plain_outputs
from embedreg.core.protocols import SavedState
from embedreg.core.records import Records, as_records, native
from embedreg.core.repeats import warn_of_repeats
from embedreg.core.targets import check_targets
from embedreg.core.warn import each_once, warn
from embedreg.core.weights import check_weights
from embedreg.embed import DEFAULT_MODEL, anchored
from embedreg.features import TabularFeatures
from embedreg.heads import HEADS, Head, make_head
from embedreg.one_head import OneHead
from embedreg.serialize import check_own, own_identity
from embedreg.text_embedder import TextEmbedder, accept_any_record, records_as_in_fit, remember_form

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from embedreg.core.protocols import Embedder, Serializer
    from embedreg.embed import EmbeddingPlan
    from embedreg.ensemble import Ensemble, Explanation

AUTO: Final = "auto"
REPRESENTATIONS: Final = (AUTO, "embedding", "tabular")
_DEFAULT_EFFORT: Final = "balanced"
_KIND: Final = "regressor"
_TEXT_PARAMETERS: Final = ("model", "serializer", "numbers", "pooling", "layers", "dtype", "device", "cache")
_OF_THE_EMBEDDER: Final = ("pooling", "layers", "dtype")
_HERE: Final = ("device", "cache")  # what has no part in the numbers
_LEFT_OPEN: Final = (
    "serializer",
    "numbers",
    "layers",
)  # where they are "auto"; it is a device and a dtype of its own


class EmbeddingRegressor(RegressorMixin, BaseEstimator):
    """Predict a number from records: by itself a combination of embeddings and features, chosen on the training data.

    Parameters
    ----------
    model
        A name of the catalogue (`embedreg models list`), the path of a Hugging Face directory, or an `Embedder`.
    head
        "auto" fits several heads to several representations and keeps the weighted mean that predicts held-out
        folds best. A name fits that one alone: "ridge", "mlp" (the paper's sweep), "xgboost", "gp",
        "extra_trees" or "mean"; or a `Head`.
    representation
        "embedding"; "tabular" for traditional features alone, which need no language model; or "auto": both
        where `head` is "auto", else "embedding".
    effort
        How much `head="auto"` tries: "fast", "balanced" or "best"; a head that is named has none. On 500 records of 20
        numbers and categories they took 3, 5 and 21 s on two processors, with nothing cached; texts take longer
        (docs/results.md).
    serializer, numbers, layers
        As in `TextEmbedder`. "auto" leaves them to the ensemble, and is JSON, 4 digits and the last layer
        with one head.
    pooling, dtype, device, cache
        As in `TextEmbedder`.
    target_transform
        None, "yeo-johnson", or "auto" to use that when the training targets are skewed. It belongs to a head that is
        named: it must be None when `head` is "auto" or a `Head`.
    random_state
        Seed of everything random, from 0 to 2**32 - 1: the folds, the rows a head holds out, its initial weights. A `Head`
        has its own.

    Attributes
    ----------
    ensemble_ : Ensemble
        The fitted combination, if `head` is "auto".
    representation_ : TextEmbedder or TabularFeatures
        The fitted way from a record to a vector, if a head is named.
    head_ : Head
        The fitted way from a vector to a number, if a head is named and y is one target.
    heads_ : list of Head
        One a target, if a head is named.
    is_text_ : bool
        Whether the training records were texts.
    feature_names_in_ : ndarray of shape (columns,)
        Column names, if `X` was a table whose columns have names.
    n_features_in_ : int
        How many columns, if `X` was a table or a 2-D array.

    Notes
    -----
    `head="mlp", representation="embedding"` is the method of "Understanding LLM Embeddings for Regression",
    arXiv 2411.14708, section 3. docs/experiments.md has what the default was chosen by.

    Examples
    --------
    >>> import embedreg
    >>> records = [{"depth": d, "rate": r} for d in (2, 4, 6, 8) for r in (0.1, 0.2, 0.4)]
    >>> y = [r["depth"] * r["rate"] for r in records]
    >>> model = embedreg.EmbeddingRegressor(representation="tabular", effort="fast").fit(records, y)
    >>> model.predict([{"depth": 5, "rate": 0.3}]).shape
    (1,)
    >>> low, high = model.predict_interval([{"depth": 5, "rate": 0.3}], coverage=0.8)[0]
    >>> bool(low < high)
    True
    """

    ensemble_: Ensemble
    representation_: Any
    head_: Head
    heads_: list[Head]
    is_text_: bool | None
    feature_names_in_: NDArray[np.object_]
    n_features_in_: int

    def __init__(
        self,
        model: str | Path | Embedder = DEFAULT_MODEL,
        *,
        head: str | Head = AUTO,
        representation: str = AUTO,
        effort: str = _DEFAULT_EFFORT,
        serializer: str | Serializer = AUTO,
        numbers: str = AUTO,
        pooling: str = AUTO,
        layers: str | int = AUTO,
        dtype: str = "auto",
        device: str = "auto",
        target_transform: str | None = None,
        cache: bool | str | Path = True,
        random_state: int = 0,
    ) -> None:
        self.model = model
        self.head = head
        self.representation = representation
        self.effort = effort
        self.serializer = serializer
        self.numbers = numbers
        self.pooling = pooling
        self.layers = layers
        self.dtype = dtype
        self.device = device
        self.target_transform = target_transform
        self.cache = cache
        self.random_state = random_state

    @each_once()
    @plain_outputs()
    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Represent the records, and choose and fit heads.

        Parameters
        ----------
        X
            n records: a list of str or dict, a DataFrame, an Arrow table or a 2-D array.
        y
            n finite numbers of at most 1e140, or as many rows of several targets, shape (n, targets).
        sample_weight
            n weights, not negative, of which only the ratios count; one that is not 0 is at least 1e-30 of their
            mean. Heads that take none ("mlp", "gp") refuse them, or are left out of an ensemble.

        Raises
        ------
        UsageError
            If a parameter names nothing or cannot be meant, or the head takes no weights.
        DataError
            If the records, targets or weights cannot be used as they are. Nothing was embedded then.

        Warns
        -----
        EmbedregWarning
            If an effort is given and a head is named, which tries nothing else.
        """
        predictor = self._make_predictor()
        records = as_records(X)
        targets = check_targets(y, records)
        weight = None
        if sample_weight is not None:
            weight = check_weights(sample_weight, len(records))
        warn_of_repeats(records.items, targets)
        columns = targets[:, None] if targets.ndim == 1 else targets
        self._take(predictor.fit(records.items, columns, weight))
        self._n_targets = None if targets.ndim == 1 else targets.shape[1]
        if self._n_targets is None and isinstance(predictor, OneHead):
            self.head_ = self.heads_[0]
        remember_form(self, records)
        self._parameters = self.get_params(deep=False)
        return self

    @plain_outputs()
    def plan(self, X: Any) -> EmbeddingPlan:
        """Say what `fit` would take for these records: texts, tokens, requests and cost. Nothing is sent.

        Raises
        ------
        UsageError
            If nothing would be embedded.
        DataError
            If a record cannot be written as text.
        """
        predictor, items = self._make_predictor(), as_records(X).items
        plan = predictor.plan(items)
        if plan is None:
            raise UsageError(
                "a plan of embedding without an embedding",
                expected="a representation other than 'tabular'",
                mend="leave the plan out: nothing will be sent",
            )
        return plan

    @each_once()
    @plain_outputs()
    def predict(self, X: Any) -> NDArray[np.float64]:
        """Return the predicted numbers of n records, shape (n,) or (n, targets) as `y` was, in its unit.

        Of the default it is the mean of what a new record may have, or the middle if that had the smaller squared error on
        held-out training records; the order of records is the same. Quantiles are `predict_quantiles`.

        Raises
        ------
        DataError
            If a record cannot be used, is a text where `fit` had mappings or the other way round, or its columns are not
            those of `fit`.
        """
        predicted = self._fitted().predict(self._records(X))
        return predicted[:, 0] if self._n_targets is None else predicted

    @each_once()
    @plain_outputs()
    def predict_quantiles(
        self, X: Any, quantiles: Sequence[float] = (0.05, 0.25, 0.5, 0.75, 0.95)
    ) -> NDArray[np.float64]:
        """Return quantiles of the number that each record will turn out to have.

        Parameters
        ----------
        X
            n records.
        quantiles
            Levels between 0 and 1.

        Returns
        -------
        ndarray of shape (n, quantiles) or (n, targets, quantiles)
            Ascending along the last axis if `quantiles` are.

        Raises
        ------
        UsageError
            If a level is no number between 0 and 1, or a head is named: one head alone does not know its errors.

        Notes
        -----
        Conformal prediction from out-of-fold residuals (CV+; Barber, Candes, Ramdas and Tibshirani, Annals of
        Statistics 2021), normalised by the members' disagreement and scaled to the error of the folds' mean.
        Levels are honest for new records drawn as the training records were; with n of them, none beyond
        1 / (n + 1) can be told.
        """
        levels = arguments.check_levels(quantiles)
        found = self._fitted_ensemble("predict_quantiles").quantiles(self._records(X), levels)
        return found[:, 0] if self._n_targets is None else found

    def predict_interval(self, X: Any, coverage: float = 0.9) -> NDArray[np.float64]:
        """Return the ends of an interval that holds a new record's number with probability `coverage`.

        Returns
        -------
        ndarray of shape (n, 2) or (n, targets, 2)
            Lower and upper ends; each is missed with half of the remaining probability.

        Raises
        ------
        UsageError
            If `coverage` is no number between 0 and 1, or a head is named.
        """
        self._fitted_ensemble("predict_interval")
        coverage = arguments.check_coverage(coverage)
        return self.predict_quantiles(X, ((1 - coverage) / 2, (1 + coverage) / 2))

    @each_once()
    @plain_outputs()
    def suggest(
        self,
        candidates: Any,
        k: int = 1,
        *,
        acquisition: str = "expected_improvement",
        minimize: bool = True,
        best: float | None = None,
    ) -> NDArray[np.intp]:
        """Return which candidates to measure next.

        Parameters
        ----------
        candidates
            m records that have no number yet.
        k
            How many to choose.
        acquisition
            "expected_improvement" over the best number known, or "thompson": the best candidate of each of several
            functions drawn at random, which spreads a batch as far as the models disagree on which is best.
        minimize
            Whether small numbers are good.
        best
            The best number known; that of the training data if None.

        Returns
        -------
        ndarray of shape (k,)
            Positions in `candidates`, the most promising first. Candidates that were training records, and those that
            equal an earlier one, come after all others.

        Raises
        ------
        UsageError
            If `k`, `acquisition`, `minimize` or `best` cannot be meant, there are no candidates, a head is named,
            or there are several targets.

        Warns
        -----
        EmbedregWarning
            If fewer than `k` candidates are new.

        Notes
        -----
        Expected improvement (Jones, Schonlau and Welch, 1998) and Thompson sampling (Thompson, 1933) are over functions
        that the training records leave possible: each is the mean of four of the members' models of the folds, drawn by the
        members' weights. Neither knows of the noise of a measurement, nor of the width that an interval has where a record
        is far from the training records or lacks a value.
        """
        fitted = self._fitted_ensemble("suggest")
        if self._n_targets is not None:
            raise UsageError(
                "a model of several targets", expected="one number to improve", mend="fit one target"
            )
        return fitted.suggest(
            records_as_in_fit(self, candidates).items,
            k,
            acquisition=acquisition,
            minimize=minimize,
            best=best,
        )

    def explain(self) -> Explanation | list[Explanation]:
        """Return what was tried, what was chosen with which weight, and the error to expect; one a target.

        Raises
        ------
        UsageError
            If a head is named: nothing was chosen then.

        Examples
        --------
        >>> records = [{"depth": d} for d in range(40)]
        >>> model = EmbeddingRegressor(representation="tabular", effort="fast").fit(records, range(40))
        >>> print(model.explain())  # doctest: +SKIP
        """
        found = self._fitted_ensemble("explain").explanations_
        return found[0] if self._n_targets is None else found

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
        UsageError
            If `path` is no path, `extra` holds what JSON does not have, or the head is of a class of your own, which
            `load` would not find. Nothing was written then.
        OutputError
            If something is at `path`, or it cannot be written.
        """
        path, extra = arguments.check_path(path), arguments.check_extra(extra)
        predictor = self._fitted()
        parts = predictor.state()
        config = {
            "parameters": self._plain_parameters(),
            "own_serializer": own_identity(self._parameters["serializer"]),
            "is_text": self.is_text_,
            "columns": list(getattr(self, "feature_names_in_", [])) or None,
            "width": getattr(self, "n_features_in_", None),
            "targets": self._n_targets,
            "parts": list(parts),
            "extra": extra,
        }
        files = SavedState(config).to_files("regressor")
        for name, state in parts.items():
            files |= state.to_files(name)
        write_bundle(path, _KIND, files, overwrite=overwrite)

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        model: str | Path | Embedder | None = None,
        serializer: Serializer | None = None,
        device: str | None = None,
        cache: bool | str | Path | None = None,
    ) -> Self:
        """Load what `save` wrote, on any machine, without the training data.

        Parameters
        ----------
        path
            The directory.
        model
            Where the language model is here, if not under the name or path it had, or your own embedder; its hash or
            fingerprint must be the same.
        serializer
            Your own, if it was fitted with one: its class is not saved. Its class's name and settings must be the same.
        device, cache
            As in `TextEmbedder`, if not as they were where it was saved.

        Raises
        ------
        UsageError
            If `path` is no path, `model` or `cache` cannot be meant, or a serializer is given that was not asked for.
        SavedModelError
            If a file is missing or changed, or the language model or the serializer is another one, or not found.
        """
        files = read_bundle(arguments.check_path(path), _KIND)
        config = SavedState.from_files("regressor", files).config
        parts = {name: SavedState.from_files(name, files) for name in config["parts"]}
        check_own(serializer, config["own_serializer"])
        here = {"model": model, "serializer": serializer, "device": device, "cache": cache}
        parameters = config["parameters"] | {name: value for name, value in here.items() if value is not None}
        if model is not None and not isinstance(model, (str, os.PathLike)):
            parameters |= dict.fromkeys(_OF_THE_EMBEDDER, AUTO)  # which the embedder has itself
        regressor = cls(**parameters)
        regressor._take(regressor._restored(parts))
        regressor._n_targets = config["targets"]
        if "head" not in parameters:
            regressor.head = regressor.heads_[0]
        if regressor._n_targets is None and hasattr(regressor, "heads_"):
            regressor.head_ = regressor.heads_[0]
        regressor.extra_ = config["extra"]
        columns = tuple(config["columns"]) if config["columns"] else None
        remember_form(regressor, Records([], columns, config["width"]))
        regressor.is_text_ = config["is_text"]
        regressor._parameters = regressor.get_params(deep=False)
        return regressor

    extra_: dict[str, Any]
    _n_targets: int | None
    _parameters: dict[str, Any]

    def _make_predictor(self) -> Ensemble | OneHead:
        arguments.check_embedding(self.model, self.cache)
        arguments.check_seed(self.random_state)
        if self.representation not in REPRESENTATIONS:
            raise unknown_name("representation", self.representation, REPRESENTATIONS)
        if self.effort not in ensemble.EFFORTS:
            raise unknown_name("effort", self.effort, ensemble.EFFORTS)
        if not self._chooses:
            return OneHead(self._make_representation(), self._make_head())
        if self.target_transform is not None:
            raise UsageError(
                f"target transform {self.target_transform!r} with head 'auto'",
                expected="None: the ensemble has a transform of its own",
                mend="leave it out, or name a head",
            )
        return ensemble.Ensemble(
            effort=self.effort, kinds=self._kinds(), text=self._text(), random_state=self.random_state
        )

    def _make_head(self) -> Head:
        if isinstance(self.head, str) and self.head not in HEADS:
            raise unknown_name("head", self.head, (AUTO, *HEADS))
        if self.effort != _DEFAULT_EFFORT:
            warn(
                f"effort={self.effort!r} changes nothing where a head is named: it is how much head='auto' tries"
            )
        return make_head(self.head, random_state=self.random_state, target_transform=self.target_transform)

    def _restored(self, parts: Mapping[str, SavedState]) -> Ensemble | OneHead:
        arguments.check_embedding(self.model, self.cache)
        if "ensemble" in parts:
            return ensemble.Ensemble.from_state(parts, text=self._text(), random_state=self.random_state)
        return OneHead.from_state(parts, self._make_representation())

    @property
    def _chooses(self) -> bool:
        return isinstance(self.head, str) and self.head == AUTO

    def _kinds(self) -> tuple[str, ...]:
        return ensemble.KINDS if self.representation == AUTO else (self.representation,)

    def _text(self) -> dict[str, Any]:
        """Return the embedder's parameters that are not left to be chosen."""
        given = {name: getattr(self, name) for name in _TEXT_PARAMETERS}
        return {k: v for k, v in given.items() if k not in _LEFT_OPEN or not _is_auto(v)}

    def _make_representation(self) -> TextEmbedder | TabularFeatures:
        if self.representation == "tabular":
            return TabularFeatures(random_state=self.random_state)
        return TextEmbedder(**self._text())

    def _take(self, predictor: Ensemble | OneHead) -> None:
        """Keep a fitted predictor, and nothing of another kind's from a fit before."""
        for name in ("ensemble_", "representation_", "heads_", "head_"):
            self.__dict__.pop(name, None)
        if isinstance(predictor, OneHead):
            self.representation_, self.heads_ = predictor.representation, predictor.heads_
        else:
            self.ensemble_ = predictor

    def _fitted(self) -> Ensemble | OneHead:
        check_is_fitted(self, ["ensemble_", "heads_"], all_or_any=any)
        if hasattr(self, "ensemble_"):
            return self.ensemble_
        one = OneHead(self.representation_, self.heads_[0])
        one.heads_ = self.heads_
        return one

    def _fitted_ensemble(self, what: str) -> Ensemble:
        predictor = self._fitted()
        if isinstance(predictor, OneHead):
            raise UsageError(
                f"{what} of a model with the head {self.heads_[0].name!r}",
                expected="head 'auto', whose folds tell what errors it makes",
                mend="fit again without naming a head",
            )
        return predictor

    def _records(self, X: Any) -> list[Any]:
        check_is_fitted(self, ["ensemble_", "heads_"], all_or_any=any)
        records = records_as_in_fit(self, X)
        if not len(records):
            raise DataError("0 records", expected="at least one", mend="give the records to predict")
        return records.items

    def _plain_parameters(self) -> dict[str, Any]:
        """Return the parameters of `fit` as JSON values; an object is saved by its name and settings, a head by its state.

        Where a model runs and what keeps its vectors may have been changed since.
        """
        given = self._parameters | {name: getattr(self, name) for name in _HERE}
        parameters: dict[str, Any] = {k: native(value) for k, value in given.items()}
        if isinstance(given["head"], Head):
            del parameters["head"], parameters["target_transform"]
        model, serializer = given["model"], given["serializer"]
        if isinstance(model, str):
            parameters["model"] = anchored(model)
        else:
            parameters["model"] = (
                str(Path(model).absolute()) if isinstance(model, os.PathLike) else model.name
            )
        if not isinstance(serializer, str):
            parameters |= {"serializer": type(serializer).__name__}
            if own_identity(serializer) is None:
                settings = serializer.settings()
                parameters |= {"serializer": settings["name"], "numbers": settings["numbers"]}
        if not isinstance(given["cache"], bool):
            parameters["cache"] = str(given["cache"])
        return parameters

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        accept_any_record(tags)
        tags.target_tags.multi_output = True
        return tags


def _is_auto(value: Any) -> bool:
    return isinstance(value, str) and value == AUTO
