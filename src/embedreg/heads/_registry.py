"""The heads by name. A new head is one file and one line in `_CLASSES`."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from embedreg.core.errors import SavedModelError, UsageError, unknown_name

if TYPE_CHECKING:
    from embedreg.core.protocols import SavedState
    from embedreg.heads._base import Head

_CLASSES: Final = {
    "ridge": "embedreg.heads._ridge:RidgeHead",
    "mlp": "embedreg.heads._mlp:MLPHead",
    "xgboost": "embedreg.heads._xgboost:XGBoostHead",
    "gp": "embedreg.heads._gp:GaussianProcessHead",
    "extra_trees": "embedreg.heads._extra_trees:ExtraTreesHead",
    "mean": "embedreg.heads._mean:MeanHead",
}


class _Registry(Mapping[str, "type[Head]"]):
    """Head classes by name; the names are known without loading a class."""

    def __getitem__(self, name: str) -> type[Head]:
        module, _, attribute = _CLASSES[name].partition(":")
        head: type[Head] = getattr(importlib.import_module(module), attribute)
        return head

    def __iter__(self) -> Iterator[str]:
        return iter(_CLASSES)

    def __len__(self) -> int:
        return len(_CLASSES)

    def __contains__(self, name: object) -> bool:
        return name in _CLASSES


HEADS: Final[Mapping[str, type[Head]]] = _Registry()
"""Head classes by name: "ridge", "mlp", "xgboost", "gp", "extra_trees", "mean"."""


def make_head(head: str | Head, *, random_state: int = 0, target_transform: str | None = None) -> Head:
    """Return an unfitted head.

    Parameters
    ----------
    head
        A name in `HEADS`, or a head, of which an unfitted copy is returned with its own settings.
    random_state, target_transform
        Settings of a head given by name; one that has no such setting ignores it. An object has a seed of its own too, and
        takes no transform beside it.

    Raises
    ------
    UsageError
        If no head has that name, it is neither a name nor a head, or a transform is given beside an object.

    Examples
    --------
    >>> make_head("ridge", target_transform="auto")
    RidgeHead(target_transform='auto')
    """
    if not isinstance(head, str):
        copy = _unfitted_copy(head)
        if target_transform is not None:
            raise UsageError(
                f"target_transform={target_transform!r} beside {head!r}",
                expected="None: a head that is given as an object has settings of its own",
                mend="give it to the head, or name the head",
            )
        return copy
    if head not in HEADS:
        raise unknown_name("head", head, HEADS)
    made = HEADS[head]()
    settings = {"random_state": random_state, "target_transform": target_transform}
    made.set_params(**{k: v for k, v in settings.items() if k in made.get_params()})
    return made


def _unfitted_copy(head: object) -> Head:
    from sklearn.base import clone  # noqa: PLC0415 (the names of heads are known without scikit-learn)

    from embedreg.heads._base import Head  # noqa: PLC0415 (which imports scikit-learn)

    if isinstance(head, Head):
        copy: Head = clone(head)
        return copy
    mend = "for another regressor, put a TextEmbedder before it in a pipeline of scikit-learn's"
    if isinstance(head, type) and issubclass(head, Head):
        mend = f"give an object of the class: {head.__name__}()"
    raise UsageError(
        f"head={head!r}",
        expected=f"the name of a head ({', '.join(sorted(HEADS))}) or an object of a subclass of embedreg.heads.Head",
        mend=mend,
    )


def check_rebuilt_by_name(head: Head) -> None:
    """Make sure that `head_from_state` finds the class of this very head by its name.

    Raises
    ------
    UsageError
        If its name is not listed, or stands for another class.
    """
    if HEADS.get(getattr(head, "name", "")) is not type(head):
        raise UsageError(
            f"a head of the class {type(head).__name__} to save",
            expected=f"one of embedreg's own, {', '.join(sorted(HEADS))}: a saved model holds no code, and `load` "
            "would not find the class",
            mend="list the class in embedreg/heads/_registry.py (docs/extending.md), or keep the whole object with joblib",
        )


def head_from_state(state: SavedState) -> Head:
    """Return the fitted head whose `state()` was saved.

    Raises
    ------
    SavedModelError
        If it is a kind of head that this version does not know.
    """
    name = str(state.config.get("head"))
    if name not in HEADS:
        raise SavedModelError(
            f"a saved head of kind {name!r}",
            expected=f"one of {', '.join(sorted(HEADS))}",
            mend="upgrade embedreg, or fit again",
        )
    return HEADS[name].from_state(state)
