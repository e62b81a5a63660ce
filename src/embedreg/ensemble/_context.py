"""What the user chose that representations take."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from embedreg.core.errors import UsageError
from embedreg.embed import is_service, make_embedder
from embedreg.text_embedder import TextEmbedder

if TYPE_CHECKING:
    from collections.abc import Mapping

_OF_THE_MACHINE: Final = {"device", "cache"}
_WIDEST: Final = 10_000  # columns of all layers together; of a larger model the last layer is taken


@dataclass(frozen=True)
class Context:
    """What the user chose that representations take.

    Attributes
    ----------
    text
        Parameters of `TextEmbedder` that the user gave; what is absent is the ensemble's to choose.
    random_state
        Seed of traditional features.
    """

    text: Mapping[str, Any] = field(default_factory=dict)
    random_state: int = 0

    def check(self) -> None:
        """Refuse a choice that names nothing, whether or not these records have anything to embed.

        Raises
        ------
        UsageError
            If a parameter names nothing.
        """
        if set(self.text) - _OF_THE_MACHINE:
            TextEmbedder(**self.text).restore()

    def embedder(self, **chosen: Any) -> TextEmbedder:
        """Return the embedder of all layers, where there are several, in the format that is chosen here."""
        layers = {} if "layers" in self.text else {"layers": self._layers()}
        return TextEmbedder(**({**chosen, **layers} | dict(self.text)))

    def _layers(self) -> str:
        """Return "all" where the model has layers to choose from, and not too many."""
        settings = {
            key: self.text[key] for key in ("model", "pooling", "dtype", "device") if key in self.text
        }
        model = settings.pop("model", TextEmbedder().model)
        try:
            made = make_embedder(model, layers="all", **settings)
        except UsageError:  # a static model has its last layer only
            return "last"
        if is_service(made):  # so has a service, which is not asked how long its vectors are
            return "last"
        return "all" if made.dimension <= _WIDEST else "last"
