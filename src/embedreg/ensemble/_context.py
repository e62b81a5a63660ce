"""What the user chose that representations take."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from embedreg.core.errors import UsageError
from embedreg.embed import is_service, make_embedder
from embedreg.features import TabularFeatures
from embedreg.text_embedder import TextEmbedder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from embedreg.core.records import Record

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
    _shared: tuple[Sequence[Record], TabularFeatures] | None = field(default=None, repr=False, compare=False)

    def of_fit(self, records: Sequence[Record]) -> Context:
        """Return the context of one fit: all that learn from these very records share their traditional features."""
        return dataclasses.replace(self, _shared=(records, self.features(records)))

    def features(self, records: Sequence[Record]) -> TabularFeatures:
        """Return traditional features fitted to training records."""
        if self._shared is not None and self._shared[0] is records:
            return self._shared[1]
        return TabularFeatures(random_state=self.random_state).fit(records)

    def check(self) -> None:
        """Refuse a choice that names nothing, whether or not these records have anything to embed.

        Raises
        ------
        UsageError
            If a parameter names nothing.
        """
        usual = TextEmbedder().get_params()
        given = {
            name for name, value in self.text.items() if value is not usual[name] and value != usual[name]
        }
        if given - _OF_THE_MACHINE:  # else it finds the default model, whose weights may never be read
            TextEmbedder(**self.text).restore()

    def embedder(self, **chosen: Any) -> TextEmbedder:
        """Return the embedder of all layers, where there are several, in the format that is chosen here."""
        layers = {} if "layers" in self.text else {"layers": self._layers()}
        return TextEmbedder(**({**chosen, **layers} | dict(self.text)))

    def _layers(self) -> str:
        """Return "all" where the model has layers to choose from, and not too many; else what its string says, or the last."""
        settings = {
            key: self.text[key] for key in ("model", "pooling", "dtype", "device") if key in self.text
        }
        model = settings.pop("model", TextEmbedder().model)
        try:
            made = make_embedder(model, layers="all", **settings)
        except UsageError:  # a static model has its last layer only, or the model's string names its layers
            return "auto"
        if is_service(made):  # so has a service, which is not asked how long its vectors are
            return "auto"
        return "all" if made.dimension <= _WIDEST else "auto"
