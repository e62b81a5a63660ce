"""Which models run by an encoder of this package's own, told without loading torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_NEEDED: Final = {
    "hidden_act": "gelu",
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "add_cross_attention": False,
}
"""What a configuration has to say, where it says anything of it."""


def is_bert(config: Mapping[str, Any]) -> bool:
    """Return whether a configuration is of a model that `embedreg.embed._bert.BertEncoder` runs.

    Examples
    --------
    >>> is_bert({"model_type": "bert", "hidden_act": "gelu"}), is_bert({"model_type": "mpnet"})
    (True, False)
    """
    said = {key: config.get(key, wanted) for key, wanted in _NEEDED.items()}
    return config.get("model_type") == "bert" and said == _NEEDED
