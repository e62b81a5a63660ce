"""Traditional features of records."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from embedreg.core.errors import DataError, UsageError
from embedreg.core.plain_outputs import plain_outputs
from embedreg.core.protocols import SavedState
from embedreg.core.records import Records, as_records
from embedreg.core.spelling import looks_numeric
from embedreg.core.warn import not_yet_said, totals, warn
from embedreg.features._column import Settings
from embedreg.features._field import MAX_DEVIATIONS, Encoded, Field, nested_arrays
from embedreg.features._layout import Layout, Path, path_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Self

    from numpy.typing import NDArray

    from embedreg.core.protocols import Array
    from embedreg.core.records import Record

_TEXT: Final = "text"
_NAMED_AT_MOST: Final = 10
_LOOKED_AT: Final = 200  # cells of a field
_NEARLY_ALL: Final = 0.9


class TabularFeatures(TransformerMixin, BaseEstimator):
    """Turn records into numbers the traditional way, by what the training records hold.

    A record is a mapping or a text; a text is one free-text field named "text". Nested mappings are flattened
    to fields such as `net.depth`, lists of one length to `widths[0]`, `widths[1]`, ...; other lists are
    summarised by their length, by the mean, minimum and maximum of their numbers, and by the rest as text.
    Then, by kind of field:

    ========  ==============================================================================================
    number    standardised; with its signed logarithm if the tail is heavy; infinities marked; times of day and durations,
              as values or as text, are seconds (`NumberColumn`)
    quantity  numbers with units ("64MB", "10 ms", "2.5 GHz", "50%", "4k") in one unit, as "number" (`QuantityColumn`)
    boolean   0 and 1
    date      year, month, ..., second and the time in seconds, standardised (`DateColumn`)
    category  one-hot, levels that are rare in training sharing one column (`CategoryColumn`)
    mixed     numbers as "number", the rest as "category": `max_features` may be 0.5 or "sqrt"
    text      leading components of tf-idf over character n-grams, and the length (`TextColumn`)
    ========  ==============================================================================================

    A field that some training record lacks (None, NaN or no such key) has a column that says where; the value
    itself is put at the training mean, or has no level. Features that do not vary in training are left out;
    `describe` shows the fields of which nothing is left. If nothing at all is left there is one column of
    zeros, so that heads still work.

    When transforming, an unseen category goes to the column of the rare ones, or has no level. What cannot be
    used is reported in a warning: fields that training did not have (left out), no value where each training
    record had one (missing), an unseen category where training had hardly any but once, values of another kind than
    their field (missing), features beyond a million training deviations (bounded).

    Parameters
    ----------
    max_categories
        The largest number of levels of a category; a field of texts that has more is free text.
    min_frequency
        Levels in fewer training records than this are rare.
    text_components
        The largest number of components of a free-text field.
    random_state
        Seed of the randomised singular value decomposition of texts.

    Attributes
    ----------
    fields_ : dict
        The fitted fields by path.
    is_text_ : bool
        Whether the training records were texts.

    Examples
    --------
    >>> features = TabularFeatures()
    >>> X = features.fit_transform([{"lr": 0.1, "opt": "sgd"}, {"lr": 0.3, "opt": "adam"}, {"opt": "sgd"}])
    >>> list(features.get_feature_names_out())
    ['lr', 'lr: missing', 'opt=sgd', 'opt=adam']
    >>> X
    array([[-1.,  0.,  1.,  0.],
           [ 1.,  0.,  0.,  1.],
           [ 0.,  1.,  1.,  0.]])
    """

    fields_: dict[Path, Field]
    is_text_: bool

    def __init__(
        self,
        *,
        max_categories: int = 40,
        min_frequency: int = 3,
        text_components: int = 60,
        random_state: int = 0,
    ) -> None:
        self.max_categories = max_categories
        self.min_frequency = min_frequency
        self.text_components = text_components
        self.random_state = random_state

    @plain_outputs()
    def fit(self, records: Sequence[Record], y: Array | None = None) -> Self:  # noqa: ARG002 (scikit-learn's signature)
        """Learn fields, kinds, levels and scales from training records.

        Parameters
        ----------
        records
            n mappings or n texts, or anything else that `as_records` takes.
        y
            Ignored.

        Raises
        ------
        UsageError
            If a parameter is out of range.
        DataError
            If there is no record, or a value of a type that has no traditional features.
        """
        settings = self._settings()
        given = as_records(records)
        if not len(given):
            raise DataError("no records", expected="at least one", mend="give the training records")
        self.is_text_ = given.is_text
        self._layout, columns = Layout.learn(_mappings(given))
        names = self._layout.names()
        kind = _TEXT if self.is_text_ else None
        self.fields_ = {
            path: Field.fit(names[path], cells, settings, kind) for path, cells in columns.items()
        }
        if not self.is_text_:
            self._warn_of_words(columns)
        return self

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> NDArray[np.float64]:
        """Fit, and return what `transform` gives for the same records, which may come from an iterator."""
        given = list(X) if isinstance(X, Iterator) else X  # it would have nothing left for `transform`
        result: NDArray[np.float64] = super().fit_transform(given, y, **fit_params)
        return result

    @plain_outputs()
    def transform(self, records: Sequence[Record]) -> NDArray[np.float64]:
        """Return the features of records, each row from its record alone.

        Returns
        -------
        ndarray of shape (n, d)
            Finite.

        Raises
        ------
        DataError
            If these are texts and training had mappings, or the other way round.

        Warns
        -----
        EmbedregWarning
            If something in the records cannot be used as it is; see above.
        """
        check_is_fitted(self)
        given = as_records(records)
        self._check_same_form(given)
        columns = self._layout.read(_mappings(given))
        encoded = [field.encode(columns.pop(path)) for path, field in self.fields_.items()]
        self._warn_of(columns, encoded, len(given))
        if self._has_nothing():
            return np.zeros((len(given), 1))
        return np.hstack([part.block for part in encoded])

    def lacking(self, records: Sequence[Record], *, held_out: bool = False) -> NDArray[np.bool_]:
        """Return which records lack a value, or have one unlike any, in a field where hardly any training record did, shape (n,).

        Where they do, `transform` puts a number at the training mean, in the midst of the training records, and a category
        with the rare ones or at no level; few training records tell what that means, or none.

        Parameters
        ----------
        records
            n records as in training.
        held_out
            Whether these are the training records, of which each is looked at as if it had been held out.

        Examples
        --------
        >>> features = TabularFeatures().fit([{"a": 1, "b": 2}, {"a": 2}])
        >>> features.lacking([{"a": 1}, {"b": 1}])
        array([False,  True])
        """
        check_is_fitted(self)
        given = as_records(records)
        self._check_same_form(given)
        columns = self._layout.read(_mappings(given))
        lacking = np.zeros(len(given), dtype=np.bool_)
        for path, field in self.fields_.items():
            lacking |= field.encode(columns[path], held_out=held_out).lacking
        return lacking

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:  # noqa: ARG002 (scikit-learn's signature)
        """Return a name for each of the d features: the field, and what of it.

        Examples
        --------
        >>> dates = [{"day": "2024-01-30"}, {"day": "2024-01-31"}]
        >>> list(TabularFeatures().fit(dates).get_feature_names_out())
        ['day: day', 'day: weekday', 'day: day of year', 'day: time']
        """
        check_is_fitted(self)
        names = [name for field in self.fields_.values() for name in field.feature_names()]
        return np.array(names or ["constant"], dtype=object)

    def alike(self) -> list[NDArray[np.intp]]:
        """Return the positions of features that say the same of different fields: their number, say, or that it is "sgd".

        Each of the d features is in one group, alone where no other field has its like.

        Examples
        --------
        >>> features = TabularFeatures().fit([{"a": 1, "b": 2, "c": "x"}, {"a": 3, "b": 1, "c": "y"}])
        >>> [positions.tolist() for positions in features.alike()]
        [[0, 1], [2], [3]]
        """
        check_is_fitted(self)
        places: dict[str, list[int]] = {}
        suffixes = [suffix for field in self.fields_.values() for suffix in field.suffixes()]
        for place, suffix in enumerate(suffixes):
            places.setdefault(suffix, []).append(place)
        return [np.array(positions) for positions in places.values()]

    def describe(self) -> list[dict[str, Any]]:
        """Return what was made of each field, in order.

        Returns
        -------
        list of dict
            field, kind, columns (names of its features; empty if none varies), missing (share of training
            records without it) and grouped (levels that share the column of rare ones).

        Examples
        --------
        >>> TabularFeatures().fit([{"a": 1}, {"a": 2}]).describe()
        [{'field': 'a', 'kind': 'number', 'columns': ['a'], 'missing': 0.0, 'grouped': []}]
        """
        check_is_fitted(self)
        return [field.describe() for field in self.fields_.values()]

    def state(self) -> SavedState:
        """Return everything that was learnt, for saving without pickle."""
        check_is_fitted(self)
        states = [field.state() for field in self.fields_.values()]
        config = {
            "parameters": dataclasses.asdict(self._settings()),
            "is_text": self.is_text_,
            "paths": self._layout.paths,
            "expanded": sorted(self._layout.expanded, key=repr),
            "fields": [state.config for state in states],
        }
        arrays = {
            f"{place}.{key}": array
            for place, state in enumerate(states)
            for key, array in state.arrays.items()
        }
        return SavedState(config, arrays)

    @classmethod
    def from_state(cls, state: SavedState) -> TabularFeatures:
        """Build the fitted transformer that gave this state; it transforms exactly alike.

        Examples
        --------
        >>> features = TabularFeatures().fit(["CCO", "CCN", "CCC"])
        >>> again = TabularFeatures.from_state(features.state())
        >>> bool((again.transform(["CO"]) == features.transform(["CO"])).all())
        True
        """
        config = state.config
        features = cls(**config["parameters"])
        features.is_text_ = config["is_text"]
        paths = tuple(map(_as_path, config["paths"]))
        features._layout = Layout(paths, frozenset(map(_as_path, config["expanded"])))
        fields = [
            Field.from_state(SavedState(field, nested_arrays(state.arrays, place)))
            for place, field in enumerate(config["fields"])
        ]
        features.fields_ = dict(zip(paths, fields, strict=True))
        return features

    def _settings(self) -> Settings:
        parameters = self.get_params()
        for name, value in parameters.items():
            least = 0 if name == "random_state" else 1
            if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
                raise UsageError(
                    f"{name}={value!r}",
                    expected=f"an integer of {least} or more",
                    mend=f"give {name} such a number",
                )
        return Settings(**{name: int(value) for name, value in parameters.items()})

    def _check_same_form(self, given: Records) -> None:
        if len(given) and given.is_text != self.is_text_:
            forms = {True: "texts", False: "mappings from names to values"}
            raise DataError(
                f"records that are {forms[given.is_text]}",
                expected=f"{forms[self.is_text_]}, as in training",
                mend="bring the records to the form of the training records",
            )

    def _has_nothing(self) -> bool:
        return not any(field.kept for field in self.fields_.values())

    def _warn_of_words(self, columns: Mapping[Path, list[Any]]) -> None:
        """Warn of fields that are read as words, though nearly all of them look like numbers."""
        for path, field in self.fields_.items():
            if field.kind not in ("text", "category"):
                continue
            some = [cell for cell in itertools.islice(columns[path], _LOOKED_AT) if isinstance(cell, str)]
            alike = [text for text in some if looks_numeric(text, decimal_comma=field.kind == "text")]
            if some and len(alike) >= _NEARLY_ALL * len(some):
                problem = f"field {field.name!r} is read as words, though it looks like numbers"
                if not_yet_said([problem]):
                    warn(f"{problem} ({alike[0]!r}): write them plainly, such as 1234.5")

    def _warn_of(self, unseen: dict[Path, list[Any]], encoded: list[Encoded], n: int) -> None:
        names = [field.name for field in self.fields_.values()]
        problems = {
            "absent": "without a value, which each training record had, counted as missing",
            "unknown": "with categories that training did not have, which say little",
            "unusable": "with values of another kind than in training, counted as missing",
            "extreme": f"with values beyond {MAX_DEVIATIONS:,.0f} training deviations, which are bounded",
        }
        _warn("that training did not have, left out", _present(unseen), n)
        for what, problem in problems.items():
            counts = [getattr(part, what) for part in encoded]
            _warn(problem, dict(zip(names, counts, strict=True)), n)


def _mappings(given: Records) -> list[Mapping[str, Any]]:
    return [item if isinstance(item, Mapping) else {_TEXT: item} for item in given.items]


def _as_path(parts: Iterable[Any]) -> Path:
    """Return a path read from JSON, which has no tuples."""
    return tuple(tuple(part) if isinstance(part, (list, tuple)) else part for part in parts)


def _present(columns: dict[Path, list[Any]]) -> dict[str, int]:
    """Return in how many records each field holds a value; a summarised list is one field."""
    counts: dict[Path, int] = {}
    for path, cells in columns.items():
        field = path[:-1] if isinstance(path[-1], tuple) else path
        counts[field] = max(counts.get(field, 0), sum(cell is not None for cell in cells))
    return {path_name(path): count for path, count in counts.items()}


def _warn(problem: str, counts: dict[str, int], n: int) -> None:
    """Warn once of the fields that have a problem in some of n records, naming the first of them; of batches, at the end."""
    if (all_batches := totals()) is not None:
        all_batches.add(problem, counts, _warn)
        return
    found = {
        f"{problem}: {name}": f"{name!r} (in {count:,} of {n:,} records)"
        for name, count in counts.items()
        if count
    }
    fields = [found[thing] for thing in not_yet_said(list(found))]
    if not fields:
        return
    more = f" and {len(fields) - _NAMED_AT_MOST} more" if len(fields) > _NAMED_AT_MOST else ""
    warn(f"fields {problem}: {', '.join(fields[:_NAMED_AT_MOST])}{more}")
