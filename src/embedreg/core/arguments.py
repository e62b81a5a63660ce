"""Arguments of the estimators that are no data, refused before any work if they cannot be meant."""

from __future__ import annotations

import inspect
import json
import math
import operator
import os
from collections.abc import Mapping
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from embedreg.core.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LARGEST_SEED: Final = 2**32 - 1  # scikit-learn's


def is_number(value: object) -> bool:
    """Whether a value is one finite real number, be it numpy's; True and False are none.

    Examples
    --------
    >>> is_number(np.float32(0.5)), is_number("0.5"), is_number(True), is_number(math.nan)
    (True, False, False, False)
    """
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, (bool, np.timedelta64)) or not isinstance(value, Real):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an int beyond all floats
        return False


def whole_number(value: object) -> int | None:
    """Return a whole number, numpy's among them, as Python's; None for anything else.

    Examples
    --------
    >>> whole_number(np.int64(3)), whole_number(True), whole_number("3")
    (3, None, None)
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):  # which numpy's booleans have not
        return None
    try:
        return operator.index(value)
    except TypeError:  # an array
        return None


def check_levels(quantiles: Any) -> NDArray[np.float64]:
    """Return levels of quantiles, shape (levels,).

    Raises
    ------
    UsageError
        If they are no numbers between 0 and 1.
    """
    try:
        given = np.atleast_1d(np.asarray(quantiles))
        levels = given.astype(np.float64) if given.dtype.kind in "biufO" else np.empty(0)
    except (OverflowError, TypeError, ValueError):  # of ragged lists, and of objects that are no numbers
        levels = np.empty(0)
    if levels.ndim != 1 or not len(levels) or not np.all((levels > 0) & (levels < 1)):
        raise UsageError(
            f"quantiles={quantiles!r}", expected="numbers between 0 and 1", mend="give levels such as 0.1"
        )
    return levels


def check_coverage(coverage: Any) -> float:
    """Return the share of new numbers that an interval is to hold.

    Raises
    ------
    UsageError
        If it is no number between 0 and 1.
    """
    if not is_number(coverage) or not 0 < coverage < 1:
        raise UsageError(f"coverage={coverage!r}", expected="a number between 0 and 1", mend="give 0.9, say")
    return float(coverage)


def check_seed(random_state: Any) -> None:
    """Refuse a seed that would not give the same model again, here or where it is loaded.

    Raises
    ------
    UsageError
        If it is no integer from 0 to 2**32 - 1.
    """
    if (
        not isinstance(random_state, Integral)
        or not is_number(random_state)
        or not 0 <= int(random_state) <= _LARGEST_SEED
    ):
        raise UsageError(
            f"random_state={random_state!r}",
            expected=f"an integer from 0 to {_LARGEST_SEED}",
            mend="give random_state such a number; a generator's .randint(2**31) draws one",
        )


def check_embedding(model: object, cache: object) -> None:
    """Refuse a model or a cache that cannot be meant, as `check_model` and `check_cache` do."""
    check_model(model)
    check_cache(cache)


def check_model(model: object) -> None:
    """Refuse a language model that is neither a text, a path nor an embedder, whether or not it will be used.

    Raises
    ------
    UsageError
        If it is something else, or lacks what embedders have.
    """
    if _is_path(model):
        return
    if isinstance(model, type) or not hasattr(model, "embed_batches"):
        raise UsageError(
            f"model={model!r}",
            expected="a name, a path or an embedder",
            mend="see `embedreg models list`, or leave it out; an embedder is an object, not its class",
        )
    lacking = [name for name in ("name", "dimension", "fingerprint") if not _has(model, name)]
    if lacking:
        raise UsageError(
            f"model={model!r} without {' and '.join(lacking)}",
            expected="an embedder, which has name, dimension, fingerprint() and embed_batches(texts)",
            mend="add what is missing; docs/extending.md has an example",
        )
    methods = [name for name in ("fingerprint", "embed_batches") if not callable(getattr(model, name))]
    if methods or _is_method(model, "name") or _is_method(model, "dimension"):
        raise UsageError(
            f"model={model!r}, an embedder with "
            + ("no method " + " and ".join(methods) if methods else "methods name() or dimension()"),
            expected="an embedder with properties name and dimension, and methods fingerprint() and embed_batches(texts)",
            mend="write @property before `def name` and `def dimension`; docs/extending.md has an example",
        )
    if not isinstance(name := getattr(model, "name", None), str) or not name:
        raise UsageError(
            f"model={model!r}, an embedder whose name is {name!r}",
            expected="a text",
            mend="name it, for tables and messages",
        )


def _is_method(thing: object, name: str) -> bool:
    """Return whether what should be a property is a method, without asking a property."""
    return callable(inspect.getattr_static(thing, name, None))


def _has(thing: object, name: str) -> bool:
    """Return whether there is an attribute, without asking a property: a service is not asked how long its vectors are."""
    return inspect.getattr_static(thing, name, None) is not None or hasattr(thing, name)


def check_cache(cache: object) -> None:
    """Refuse a cache that is neither True, False nor a directory, whether or not it will be used.

    Raises
    ------
    UsageError
        If it is something else.
    """
    if not isinstance(cache, bool) and not _is_path(cache):
        raise UsageError(
            f"cache={cache!r}",
            expected="True, False or the path of a directory",
            mend="give True for the user's cache, False for none",
        )


def check_path(path: Any) -> Path:
    """Return the directory of a saved model.

    Raises
    ------
    UsageError
        If it is no path.
    """
    if not _is_path(path):
        raise UsageError(f"path={path!r}", expected="a text or a Path", mend="name the model's directory")
    return Path(path)


def check_extra(extra: Any) -> dict[str, Any]:
    """Return what is to be kept beside a saved model; nothing for None.

    Raises
    ------
    UsageError
        If it is no mapping from texts to JSON values.
    """
    given = {} if extra is None else extra
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise UsageError(
            f"extra={extra!r}", expected="a mapping from texts to JSON values", mend="give {'note': ...}"
        )
    for name, value in given.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise UsageError(
                f"a value that JSON does not have in extra[{name!r}] ({error})",
                expected="texts, finite numbers, booleans, None, and lists and mappings of those",
                mend="convert it; .tolist() makes plain values of numpy's",
            ) from None
    return dict(given)


def _is_path(value: object) -> bool:
    return bool(value) if isinstance(value, str) else isinstance(value, os.PathLike)
