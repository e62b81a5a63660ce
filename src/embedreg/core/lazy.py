"""Public names that a package loads when they are first used, so that importing it stays fast."""

from __future__ import annotations

import contextlib
import gc
import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping


def lazy_names(
    package: str,
    public: Collection[str],
    modules: Mapping[str, Collection[str]],
    *,
    require: Callable[[], None] | None = None,
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return a package's `__getattr__` and `__dir__`.

    Type checkers do not follow it: they need the same imports under `if TYPE_CHECKING:`.

    Parameters
    ----------
    package
        Its `__name__`.
    public
        Its `__all__`, which `dir` lists.
    modules
        The names that are loaded when first used, by the module within the package that defines them.
    require
        Called before one of them is loaded, to refuse where that cannot work.

    Returns
    -------
    tuple
        What to call `__getattr__`, which raises an AttributeError for any other name, and `__dir__`.

    Examples
    --------
    >>> load, names = lazy_names("embedreg", ["TextEmbedder"], {"text_embedder": ["TextEmbedder"]})
    >>> names()
    ['TextEmbedder']
    >>> load("TextEmbedder").__module__
    'embedreg.text_embedder'
    """
    module_of = {name: module for module, names in modules.items() for name in names}

    def load(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if require is not None:
            require()
        with uncollected():
            module = importlib.import_module(f"{package}.{module_of[name]}")
        return getattr(module, name)

    return load, lambda: sorted(public)


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Import within this: Python looks for no garbage meanwhile, of which importing makes little.

    Each look goes through all that was imported before, which adds up with torch and scikit-learn.

    Examples
    --------
    >>> with uncollected():
    ...     import json
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
