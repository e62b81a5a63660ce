"""Language-model embeddings against traditional features, on the same splits, with the same heads."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

import embedreg
from embedreg.core.errors import DataError, UsageError
from embedreg.core.plain_outputs import plain_outputs
from embedreg.core.repeats import warn_of_repeats
from embedreg.features import TabularFeatures
from embedreg.heads import Problem, fit_many, make_head
from embedreg.serialize import DEFAULT_NUMBERS, DEFAULT_SERIALIZER, input_numbers
from embedreg.smoothness import nlfd, smoothness_gap, smoothness_sentence
from embedreg.study._combined import Combiner
from embedreg.study._rows import rows_of, take
from embedreg.study._runs_store import RunsStore
from embedreg.study._splits import Split, group_split
from embedreg.study._summary import MethodRuns, summarise
from embedreg.study._verdict import SIGNIFICANT
from embedreg.study.result import Comparison, SmoothnessResult
from embedreg.text_embedder import TextEmbedder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from embedreg.core.protocols import Array, Embedder
    from embedreg.core.records import Record
    from embedreg.embed import EmbeddingPlan
    from embedreg.tasks import LabelledTable

HEADS_COMPARED: Final = ("mlp", "ridge", "xgboost")
_PACKAGES: Final = ("embedreg", "numpy", "scikit-learn", "torch", "transformers", "xgboost")
# Of the settings: the embedder's fingerprint stands for the model, and the combination's effort is in the names of its runs.
_DECIDE_NO_PREDICTION: Final = ("model", "cache", "bootstrap", "combination")
_SHOWN_CHARACTERS: Final = 600
_FACTORS_KEPT: Final = 2000


@dataclass(frozen=True)
class CompareSettings:
    """How a comparison is made.

    Attributes
    ----------
    model, serializer, numbers, pooling, layers, dtype, device, cache
        As in `TextEmbedder`.
    seeds
        How many splits; their seeds are 0, 1, ...
    max_rows
        A random sample of so many rows is used for each seed, or all rows if None. The paper has 500.
    target_transform
        As in `EmbeddingRegressor`, for every method but the combination, which learns normal scores of the target.
    bootstrap
        How many resamples of the test rows the intervals come from.
    combination
        Effort of the combination of both representations that is scored beside them, as
        `EmbeddingRegressor(effort=...)` makes it: "fast", "balanced" or "best"; or None to leave it out. It
        chooses serializer, numbers and layers itself where these are the defaults. It learns from training and
        validation rows together, as it needs no validation rows.
    """

    model: str | Path | Embedder = "minilm"
    serializer: str = DEFAULT_SERIALIZER
    numbers: str = DEFAULT_NUMBERS
    pooling: str = "auto"
    layers: str | int = "auto"
    dtype: str = "auto"
    device: str = "auto"
    cache: bool | str | Path = True
    seeds: int = 5
    max_rows: int | None = None
    target_transform: str | None = None
    bootstrap: int = 1000
    combination: str | None = "fast"

    def text_embedder(self) -> TextEmbedder:
        """Return the way from a record to its embedding."""
        names = ("model", "serializer", "numbers", "pooling", "layers", "dtype", "device", "cache")
        return TextEmbedder(**{name: getattr(self, name) for name in names})


@plain_outputs()
def compare_representations(
    table: LabelledTable,
    settings: CompareSettings | None = None,
    *,
    command: str = "",
    resume: Path | None = None,
) -> Comparison:
    """Compare a language model's embeddings with traditional features on one task.

    Parameters
    ----------
    table
        Records and targets, from `embedreg.tasks.load_labelled`.
    settings
        How; the defaults if None.
    command
        The command line to repeat it, for the report.
    resume
        A directory that keeps each finished method, so that the same call goes on where it was stopped.

    Returns
    -------
    Comparison
        Scores of six methods, of the combination and of the mean of y, their intervals and tests, and the
        smoothness of the target.

    Raises
    ------
    DataError
        If there are too few rows for the splits, or a record cannot be written as text; before anything is embedded.
    UsageError
        If a setting names nothing.
    """
    if not (hasattr(table, "records") and hasattr(table, "y")):
        raise UsageError(
            f"a {type(table).__name__} as the table",
            expected="an embedreg.tasks.LabelledTable",
            mend="embedreg.tasks.load_labelled(path, target) reads one from a file",
        )
    warn_of_repeats(table.records, table.y)
    run = _Run(table, settings or CompareSettings())
    return run.comparison(command, RunsStore(resume, run.key()))


def plan_comparison(table: LabelledTable, settings: CompareSettings | None = None) -> EmbeddingPlan:
    """Say what `compare_representations` would embed with the same arguments. Nothing is sent.

    Parameters
    ----------
    table, settings
        As in `compare_representations`.

    Returns
    -------
    EmbeddingPlan
        At most, if the combination embeds: what no chosen member reads is not embedded in the end.

    Raises
    ------
    DataError, UsageError
        As `compare_representations`.
    """
    return _Run(table, settings or CompareSettings()).plan()


class _Run:
    """One comparison under way: its splits, its vectors and how long each stage took."""

    def __init__(self, table: LabelledTable, settings: CompareSettings) -> None:
        self.table = table
        self.settings = settings
        self.seconds: dict[str, float] = defaultdict(float)
        self.groups = input_numbers(table.records)
        self.splits = [
            group_split(self.groups, seed=seed, max_rows=settings.max_rows) for seed in range(settings.seeds)
        ]
        self.embedder = settings.text_embedder().fit(table.records)
        self.combiner = Combiner.of(settings, self.embedder)
        self.warnings: list[str] = []

    def key(self) -> dict[str, Any]:
        """Return everything that decides the predictions of every method."""
        plain = {k: str(v) for k, v in vars(self.settings).items() if k not in _DECIDE_NO_PREDICTION}
        return {
            "data": self.table.sha256,
            "input": self.table.spec.to_json(),
            "settings": plain,
            "embedder": dict(self.embedder.embedder_.fingerprint()),
            "versions": _versions(),
        }

    def plan(self) -> EmbeddingPlan:
        records = take(self.table.records, self._used())
        plan = self.embedder.plan(records)
        if self.combiner is None:
            return plan
        embedder, texts = self.combiner.texts(self.table, self.splits)
        if not texts:
            return plan
        if embedder.restore().embedder_.fingerprint() == self.embedder.embedder_.fingerprint():
            together = self.embedder.plan([*self.embedder.texts(records), *texts])
        else:
            together = plan + embedder.plan(texts)
        return dataclasses.replace(together, at_most=True)

    def _used(self) -> NDArray[np.intp]:
        """Return the rows that are in any split."""
        return np.unique(np.concatenate([rows_of(s) for s in self.splits]))

    def comparison(self, command: str, store: RunsStore) -> Comparison:
        started = time.monotonic()
        vectors = {"embedding": self._embeddings(), "tabular": self._features()}
        methods = [
            self._runs(representation, head, vectors[representation], store)
            for representation in vectors
            for head in HEADS_COMPARED
        ]
        methods.append(self._runs("none", "mean", vectors["tabular"], store))
        methods += self._combination(store)
        summary = summarise(
            methods,
            [self.table.y[s.test] for s in self.splits],
            test_fraction_ratio=float(np.mean([len(s.test) / len(s.train) for s in self.splits])),
            groups_by_seed=[self.groups[s.test] for s in self.splits],
            resamples=self.settings.bootstrap,
        )
        compared = sum(method.difference is not None for method in summary.methods)
        smoothness, gap = self._smoothness(vectors)
        self.seconds["total"] = time.monotonic() - started
        return Comparison(
            data=self._data_facts(),
            settings=self._settings_facts(command),
            methods=summary.methods,
            best_embedding=summary.best_embedding,
            best_tabular=summary.best_tabular,
            verdict=summary.verdict,
            smoothness=smoothness,
            smoothness_gap=gap,
            smoothness_sentence=smoothness_sentence(gap, decided=None),
            predictions=self._predictions(methods),
            seconds=dict(self.seconds),
            warnings=self._repeated() + self._too_few_resamples(compared) + self.warnings,
            combination_sentence=summary.combination_sentence,
        )

    def _embeddings(self) -> list[Array]:
        """Return the embeddings of each seed's rows: train, validation, test; each row is embedded once."""
        with self._timed("embedding"):
            used = self._used()
            embedded = self.embedder.transform(take(self.table.records, used))
        return [embedded[np.searchsorted(used, rows_of(s))] for s in self.splits]

    def _features(self) -> list[Array]:
        """Return traditional features of each seed's rows, learnt from its training rows."""
        with self._timed("features"):
            return [self._features_of(split, seed) for seed, split in enumerate(self.splits)]

    def _features_of(self, split: Split, seed: int) -> Array:
        features = TabularFeatures(random_state=seed).fit(take(self.table.records, split.train))
        return features.transform(take(self.table.records, rows_of(split)))

    def _runs(self, representation: str, head: str, vectors: Sequence[Array], store: RunsStore) -> MethodRuns:
        name = "mean of y" if representation == "none" else f"{representation} + {head}"
        found = store.get(name)
        if found is None:
            found = self._fit(name, head, vectors)
            store.put(name, found)
        return MethodRuns(
            name=name,
            representation=representation,
            head=head,
            dimensions=[v.shape[1] if representation != "none" else 0 for v in vectors],
            predictions=[np.asarray(p, dtype=np.float64) for p in found["predictions"]],
            chosen=found["chosen"],
            seconds=found["seconds"],
        )

    def _fit(self, name: str, head: str, vectors: Sequence[Array]) -> dict[str, Any]:
        started = time.monotonic()
        problems = [self._problem(seed, split, vectors[seed]) for seed, split in enumerate(self.splits)]
        unfitted = make_head(head, target_transform=self.settings.target_transform)
        fitted = fit_many(unfitted, problems, description=f"fitting {name}")
        tests = [v[-len(s.test) :] for v, s in zip(vectors, self.splits, strict=True)]
        predictions = [h.predict(X).tolist() for h, X in zip(fitted, tests, strict=True)]
        seconds = time.monotonic() - started
        self.seconds["heads"] += seconds
        return {"predictions": predictions, "chosen": [h.chosen_ for h in fitted], "seconds": seconds}

    def _combination(self, store: RunsStore) -> list[MethodRuns]:
        """Return the combination, or nothing if it is not asked for or cannot be made."""
        if self.combiner is None:
            return []
        try:
            with self._timed("combination"):
                found = self.combiner.runs(self.table, self.splits, store)
        except DataError as error:
            self.warnings.append(
                f"The combination of both was left out: got {error.got}; expected {error.expected}."
            )
            return []
        if self.settings.target_transform is not None:
            self.warnings.append(
                f"target_transform={self.settings.target_transform!r} is for the other methods: the combination "
                "learns normal scores of the target."
            )
        run = MethodRuns(
            name="combination",
            representation="both",
            head="combination",
            dimensions=[0] * len(found),
            predictions=[np.asarray(one["predictions"], dtype=np.float64) for one in found],
            chosen=[one["chosen"] for one in found],
            seconds=sum(one["seconds"] for one in found),
        )
        return [run]

    def _problem(self, seed: int, split: Split, vectors: Array) -> Problem:
        n, m = len(split.train), len(split.validation)
        validation = (vectors[n : n + m], self.table.y[split.validation])
        return Problem(vectors[:n], self.table.y[split.train], validation=validation, random_state=seed)

    def _smoothness(self, vectors: dict[str, list[Array]]) -> tuple[dict[str, SmoothnessResult], float]:
        with self._timed("smoothness"):
            found = {
                name: [
                    nlfd(v[: len(s.train)], self.table.y[s.train])
                    for v, s in zip(parts, self.splits, strict=True)
                ]
                for name, parts in vectors.items()
            }
        gaps = [smoothness_gap(t, e) for t, e in zip(found["tabular"], found["embedding"], strict=True)]
        results = {
            name: SmoothnessResult(
                mean=float(np.mean([d.mean for d in distributions])),
                deviation=float(np.mean([d.deviation for d in distributions])),
                factors=distributions[0]
                .factors[np.isfinite(distributions[0].factors)][:_FACTORS_KEPT]
                .tolist(),
                without_factor=distributions[0].without_factor,
                repeated=distributions[0].repeated,
            )
            for name, distributions in found.items()
        }
        return results, float(np.mean(gaps))

    def _predictions(self, methods: Sequence[MethodRuns]) -> dict[str, list[float]]:
        test = self.splits[0].test
        columns = {"row": test.tolist(), "y": self.table.y[test].tolist()}
        return columns | {m.name: m.predictions[0].tolist() for m in methods}

    def _data_facts(self) -> dict[str, Any]:
        y = self.table.y
        return {
            "path": str(self.table.path),
            "sha256": self.table.sha256,
            "rows": len(y),
            "rows_used": len(rows_of(self.splits[0])),
            "target": self.table.spec.target,
            "input": self.table.spec.describe(),
            "distinct_inputs": len(np.unique(self.groups)),
            "fields": _count_fields(self.table.records),
            "target_summary": {
                "mean": float(y.mean()),
                "deviation": float(y.std()),
                "minimum": float(y.min()),
                "median": float(np.median(y)),
                "maximum": float(y.max()),
                "distinct": len(np.unique(y)),
            },
            "example_text": self.embedder.texts(self.table.records[:1])[0][:_SHOWN_CHARACTERS],
        }

    def _settings_facts(self, command: str) -> dict[str, Any]:
        embedder = self.embedder.embedder_
        plain = {
            k: v if isinstance(v, bool | int | float | str | None) else str(v)
            for k, v in vars(self.settings).items()
        }
        return plain | {
            "command": command,
            "model": embedder.name,
            "embedder": dict(embedder.fingerprint()),
            "model_sha256": str(embedder.fingerprint().get("weights", "")),
            "seeds": list(range(self.settings.seeds)),
            "split": [0.8, 0.1, 0.1],
            "versions": _versions(),
        }

    def _repeated(self) -> list[str]:
        rows, inputs = len(self.groups), len(np.unique(self.groups))
        if inputs == rows:
            return []
        return [f"The {rows} rows have {inputs} different inputs; equal inputs stay on one side of a split."]

    def _too_few_resamples(self, compared: int) -> list[str]:
        """Warn where one seed's bootstrap could call no difference unlikely to be chance, however large."""
        least = 2 * compared / (self.settings.bootstrap + 1)
        if len(self.splits) > 1 or least < SIGNIFICANT:
            return []
        found = f"With one seed and {self.settings.bootstrap} resamples no adjusted p is below {least:.2g}"
        return [f"{found}, so that any difference could be chance; take more of either."]

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.seconds[stage] += time.monotonic() - started


def _count_fields(records: Sequence[Record]) -> int:
    """Return how many top-level fields occur; 1 for texts."""
    if isinstance(records[0], str):
        return 1
    return len({name for record in records if not isinstance(record, str) for name in record})


def _versions() -> dict[str, str]:
    known = {"embedreg": embedreg.__version__}
    return known | {name: importlib.metadata.version(name) for name in _PACKAGES if name not in known}
