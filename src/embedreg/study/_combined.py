"""The library's default, a combination of both representations, on the splits of a comparison."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from embedreg.core.each_text_once import each_text_once
from embedreg.core.errors import unknown_name
from embedreg.embed import is_service
from embedreg.ensemble import EFFORTS, MEMBERS, Ensemble
from embedreg.study._rows import take

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from embedreg.core.protocols import Embedder
    from embedreg.ensemble import Explanation
    from embedreg.study._compare import CompareSettings
    from embedreg.study._runs_store import RunsStore
    from embedreg.study._splits import Split
    from embedreg.tasks import LabelledTable
    from embedreg.text_embedder import TextEmbedder

_ALWAYS: Final = ("model", "pooling", "dtype", "device", "cache")
_LEFT_OPEN: Final = ("serializer", "numbers", "layers")  # at their defaults, the combination's own to choose
_KINDS: Final = {member.name: member.kind for member in MEMBERS}


@dataclass(frozen=True)
class Combiner:
    """What fits the combination of each seed.

    It judges members on folds of its own, so that it is fitted to training and validation rows together.

    Attributes
    ----------
    effort
        As in `Ensemble`.
    text
        As in `Ensemble`.
    service
        The comparison's own embedder if that is a service, whose cap on what is spent is to hold for all.
    """

    effort: str
    text: dict[str, Any]
    service: Embedder | None

    @classmethod
    def of(cls, settings: CompareSettings, embedder: TextEmbedder) -> Combiner | None:
        """Return what a comparison's settings ask for, or None if that is nothing.

        Parameters
        ----------
        settings
            Of the comparison.
        embedder
            Of the comparison, fitted.

        Raises
        ------
        UsageError
            If there is no such effort.
        """
        if settings.combination is None:
            return None
        if settings.combination not in EFFORTS:
            raise unknown_name("combination", settings.combination, EFFORTS)
        changed = [n for n in _LEFT_OPEN if getattr(settings, n) != getattr(type(settings), n)]
        text = {name: getattr(settings, name) for name in (*_ALWAYS, *changed)}
        if not is_service(embedder.embedder_):
            return cls(settings.combination, text, None)
        return cls(settings.combination, text | {"layers": "auto"}, embedder.embedder_)

    def runs(self, table: LabelledTable, splits: Sequence[Split], store: RunsStore) -> list[dict[str, Any]]:
        """Return for each seed the predictions of its test rows, what was chosen, and the seconds it took.

        Raises
        ------
        DataError
            If the combination cannot be made of a seed's rows.
        """
        with self._at_work() as combiner:
            return [combiner._kept(table, split, seed, store) for seed, split in enumerate(splits)]

    def texts(self, table: LabelledTable, splits: Sequence[Split]) -> tuple[TextEmbedder, list[str]]:
        """Return the distinct texts that all seeds together embed at most, and the embedder."""
        found = [
            self._ensemble(seed).texts(_learnt_from(table, split), take(table.records, split.test))
            for seed, split in enumerate(splits)
        ]
        return found[0][0], list(dict.fromkeys(text for _, texts in found for text in texts))

    @contextmanager
    def _at_work(self) -> Iterator[Combiner]:
        """Members and seeds share texts, and a service its cap on what is spent."""
        text = self.text if self.service is None else self.text | {"model": self.service}
        with each_text_once():
            yield replace(self, text=text)

    def _kept(self, table: LabelledTable, split: Split, seed: int, store: RunsStore) -> dict[str, Any]:
        name = f"combination {self.effort} {seed}"
        found = store.get(name)
        if found is None:
            found = self._run(table, split, seed)
            store.put(name, found)
        return found

    def _run(self, table: LabelledTable, split: Split, seed: int) -> dict[str, Any]:
        started = time.monotonic()
        y = table.y[np.concatenate([split.train, split.validation])]
        ensemble = self._ensemble(seed).fit(_learnt_from(table, split), y[:, None])
        predictions = ensemble.predict(take(table.records, split.test))[:, 0]
        return {
            "predictions": predictions.tolist(),
            "chosen": _chosen(ensemble.explanations_[0]),
            "seconds": time.monotonic() - started,
        }

    def _ensemble(self, seed: int) -> Ensemble:
        return Ensemble(effort=self.effort, text=self.text, random_state=seed)


def _learnt_from(table: LabelledTable, split: Split) -> list[Any]:
    return take(table.records, np.concatenate([split.train, split.validation]))


def _chosen(explanation: Explanation) -> dict[str, Any]:
    """Return what was chosen as JSON values."""
    members = [
        {"kind": _KINDS[member.name]}
        | {key: value for key, value in asdict(member).items() if key not in ("rmse", "seconds")}
        for member in explanation.members
        if member.weight > 0
    ]
    return {
        "effort": explanation.effort,
        "folds": explanation.folds,
        "kendall_tau": explanation.kendall_tau,
        "members": members,
        "embeddings_tried": any(_KINDS[member.name] == "embedding" for member in explanation.members),
    }
