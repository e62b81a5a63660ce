"""A model with its settings in one string: "minilm?layers=all", "openai:NAME?base_url=http://localhost:8080/v1".

One string goes wherever a model's name goes: `--model`, `EmbeddingRegressor(model=...)`, a saved model's file, a study's grid.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qsl

from embedreg.core.errors import UsageError


class ModelSpec(NamedTuple):
    """What a string says about a model.

    Attributes
    ----------
    name
        What stands before the question mark: a catalogue name, a path, or SERVICE:NAME.
    options
        Settings by name, as they were written.
    """

    name: str
    options: dict[str, str]


def parse_model_spec(model: str) -> ModelSpec:
    """Take a model's string apart. Values may be percent-encoded, as in a URL.

    Raises
    ------
    UsageError
        If what follows the question mark is no list of settings, or names one twice.

    Examples
    --------
    >>> parse_model_spec("minilm?layers=all&weights=random").options
    {'layers': 'all', 'weights': 'random'}
    """
    name, mark, query = model.partition("?")
    if not mark:
        return ModelSpec(name, {})
    try:
        # a plus stands for itself, not for a blank: "8+1" and tags of models have one
        pairs = parse_qsl(query.replace("+", "%2B"), keep_blank_values=True, strict_parsing=True)
    except ValueError as error:
        raise UsageError(
            f"model {model!r}",
            expected="settings after the question mark, as in 'minilm?layers=all&pooling=max'",
            mend="write key=value pairs with & between them",
        ) from error
    names = [key for key, _ in pairs]
    if twice := sorted({key for key in names if names.count(key) > 1}):
        raise UsageError(
            f"model {model!r}, with {twice[0]!r} twice", expected="each setting once", mend="leave one out"
        )
    return ModelSpec(name, dict(pairs))
