"""Which models run by an encoder of this package's own, and how they differ from BERT; told without loading torch."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_NEEDED: Final = {
    "hidden_act": "gelu",
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "add_cross_attention": False,
}
"""What a configuration has to say in BERT's terms, where it says anything of it."""
_SIZES: Final = ("num_attention_heads", "num_hidden_layers")
"""What it has to say in any case."""


class Family(NamedTuple):
    """How a family of models differs from BERT.

    Attributes
    ----------
    prefix
        Of its tensors' names, in files of models with a head.
    tensors, settings
        Parts of those names, and names of settings, with what BERT calls the same.
    offset
        Whether positions are counted from the one after the padding token's id, tokens that are padding left out.
    has_types
        Whether tokens have types.
    is_relative
        Whether scores of attention have a bias by the distance of key and query, which all layers share.
    """

    prefix: str
    tensors: Mapping[str, str] = MappingProxyType({})
    settings: Mapping[str, str] = MappingProxyType({})
    offset: bool = False
    has_types: bool = True
    is_relative: bool = False

    def in_berts_terms(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return a configuration with the names that BERT's has."""
        return {self.settings.get(name, name): value for name, value in config.items()}

    def berts_name(self, tensor: str) -> str:
        """Return what BERT calls a tensor, without the prefix of models with a head.

        Examples
        --------
        >>> FAMILIES["distilbert"].berts_name("distilbert.transformer.layer.0.ffn.lin1.bias")
        'encoder.layer.0.intermediate.dense.bias'
        """
        name = tensor.removeprefix(self.prefix)
        for own, berts in self.tensors.items():
            name = name.replace(own, berts)
        return name


_BERT: Final = Family("bert.")
_ROBERTA: Final = Family("roberta.", offset=True)
_DISTILBERT: Final = Family(
    "distilbert.",
    tensors={
        "transformer.layer.": "encoder.layer.",
        ".q_lin.": ".self.query.",
        ".k_lin.": ".self.key.",
        ".v_lin.": ".self.value.",
        ".out_lin.": ".output.dense.",
        ".sa_layer_norm.": ".attention.output.LayerNorm.",
        ".ffn.lin1.": ".intermediate.dense.",
        ".ffn.lin2.": ".output.dense.",
        ".output_layer_norm.": ".output.LayerNorm.",
    },
    settings={"n_heads": "num_attention_heads", "n_layers": "num_hidden_layers", "activation": "hidden_act"},
    has_types=False,
)
_MPNET: Final = Family(
    "mpnet.",
    tensors={
        ".attn.q.": ".self.query.",
        ".attn.k.": ".self.key.",
        ".attn.v.": ".self.value.",
        ".attn.o.": ".output.dense.",
        ".attention.LayerNorm.": ".attention.output.LayerNorm.",
    },
    offset=True,
    has_types=False,
    is_relative=True,
)
FAMILIES: Final[Mapping[str, Family]] = {
    "bert": _BERT,
    "camembert": _ROBERTA,
    "distilbert": _DISTILBERT,
    "mpnet": _MPNET,
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
}
"""By what a configuration calls them."""


def family_of(config: Mapping[str, Any]) -> Family | None:
    """Return the family of a model that `embedreg.embed._bert.BertEncoder` runs; None of one that it does not.

    Examples
    --------
    >>> sizes = {"num_attention_heads": 2, "num_hidden_layers": 3}
    >>> family_of({"model_type": "bert", **sizes}).prefix, family_of({"model_type": "llama", **sizes})
    ('bert.', None)
    """
    family = FAMILIES.get(config.get("model_type", ""))
    if family is None:
        return None
    settings = family.in_berts_terms(config)
    said = {key: settings.get(key, wanted) for key, wanted in _NEEDED.items()}
    return family if said == _NEEDED and all(size in settings for size in _SIZES) else None
