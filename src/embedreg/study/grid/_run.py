"""Running a study: represent, fit, score, keep; a few cells at a time, so that little is lost by stopping."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from embedreg.core.devices import find_device, on_processor
from embedreg.core.errors import EmbedregError, UsageError
from embedreg.core.plain_outputs import plain_outputs
from embedreg.core.progress import progress_bar
from embedreg.features import TabularFeatures
from embedreg.heads import Problem, fit_many
from embedreg.serialize import input_numbers
from embedreg.smoothness import nlfd
from embedreg.study._metrics import METRICS, evaluate
from embedreg.study._rows import rows_of, take
from embedreg.study._splits import group_split
from embedreg.study.grid._last_vectors import LastVectors
from embedreg.study.grid._plan import HOW_TO_MEND_ABSENCE, plan_study
from embedreg.study.grid._profiles import run_profiles
from embedreg.study.grid._shared_passes import SharedPasses

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from tqdm import tqdm

    from embedreg.core.protocols import Array
    from embedreg.study._splits import Split
    from embedreg.study.grid._cells import Cell, Item
    from embedreg.study.grid._plan import Plan
    from embedreg.study.grid._spec import HeadSpec, StudySpec
    from embedreg.study.grid._store import StudyStore
    from embedreg.tasks import TaskData

_ITEMS_AT_ONCE: Final = 12  # whose fits are one batch: what is lost at most when the run is stopped
_ITEMS_AT_ONCE_ON_A_GPU: Final = 128  # the paper's 23 tasks and 5 seeds, as one program


@dataclass(frozen=True, eq=False)
class _Prepared:
    """An item's vectors: train, validation, test."""

    item: Item
    split: Split
    vectors: Array
    y: NDArray[np.float64]
    wanted: list[tuple[str, HeadSpec]]

    def problem(self) -> Problem:
        n, m = len(self.split.train), len(self.split.validation)
        return Problem(
            self.vectors[:n],
            self.y[:n],
            validation=(self.vectors[n : n + m], self.y[n : n + m]),
            random_state=self.item.seed,
        )

    @property
    def test(self) -> slice:
        return slice(len(self.y) - len(self.split.test), len(self.y))


_Fit: TypeAlias = tuple[str, "HeadSpec", _Prepared]  # the cell's key, its head, its item


@plain_outputs()
def run_study(spec: StudySpec, store: StudyStore, *, skip_missing: bool = False) -> Plan:
    """Run every cell that is not finished, and return the plan as it stands afterwards.

    A cell that fails, in whatever way, is noted with its message, and the others go on. The run can be stopped at any time and
    goes on where it was; two runs at once do some of the work twice and harm nothing.

    Parameters
    ----------
    spec, store
        What to run, and where its results are kept.
    skip_missing
        Leave out tasks whose data are not on this machine.

    Raises
    ------
    UsageError
        If a task, model or setting is unknown; if the data of a task are missing and `skip_missing` is False. Nothing
        was run then.
    """
    plan = plan_study(spec, store)
    if plan.absent and not skip_missing:
        raise UsageError(
            f"a machine without {plan.absent_tasks()}", expected="every task's data", mend=HOW_TO_MEND_ABSENCE
        )
    left = plan.left_here()
    wanted = [cell.item for _, cell in left]
    store.forget_failures(plan.failed)
    with progress_bar(
        len(plan.done) + len(left), f"study {spec.name}", "cell", initial=len(plan.done)
    ) as bar:
        for _, cells in itertools.groupby(left, key=lambda pair: pair[1].item.representation.name):
            _Runner(store, bar, wanted).run(list(cells))
    run_profiles(spec, store)
    return plan_study(spec, store)


def split_of(item: Item, groups: NDArray[np.intp]) -> tuple[Split, NDArray[np.intp]]:
    """Return an item's split, and the rows in it."""
    split = group_split(groups, seed=item.seed, max_rows=item.rows)
    return split, rows_of(split)


def _is_on_a_gpu(head: HeadSpec) -> bool:
    device = head.parameters.get("device", "cpu")
    return device != "cpu" and not on_processor(find_device(device))


class _Runner:
    """Runs the cells of one representation."""

    def __init__(self, store: StudyStore, bar: tqdm[Any], wanted: Sequence[Item]) -> None:
        self._store = store
        self._bar = bar
        self._wanted = wanted  # by any representation
        self._passes: SharedPasses | None = None
        self._last = LastVectors()
        self._read: tuple[tuple[str, int, int], TaskData, NDArray[np.intp]] | None = None

    def run(self, cells: Sequence[tuple[str, Cell]]) -> None:
        prepared = self._prepared(cells)
        heads = {cell.head.name: cell.head for _, cell in cells}.values()
        at_once = _ITEMS_AT_ONCE_ON_A_GPU if any(map(_is_on_a_gpu, heads)) else _ITEMS_AT_ONCE
        while batch := list(itertools.islice(prepared, at_once)):
            fits = [(key, head, p) for p in self._with_smoothness(batch) for key, head in p.wanted]
            for name in dict.fromkeys(head.name for _, head, _ in fits):
                self._fit([fit for fit in fits if fit[1].name == name])

    def _prepared(self, cells: Sequence[tuple[str, Cell]]) -> Iterator[_Prepared]:
        """Yield each item with the heads that it still wants."""

        def item_of(pair: tuple[str, Cell]) -> tuple[str, int, int]:
            item = pair[1].item
            return item.task.name, item.rows, item.seed

        for _, group in itertools.groupby(cells, key=item_of):
            own = list(group)
            item, wanted = own[0][1].item, [(key, cell.head) for key, cell in own]
            try:
                prepared = self._represent(item, wanted)
            except Exception as error:  # whatever it is, the others go on
                self._note_failures(wanted, item, error)
            else:
                yield prepared

    def _represent(self, item: Item, wanted: list[tuple[str, HeadSpec]]) -> _Prepared:
        data, groups = self._data(item)
        split, rows = split_of(item, groups)
        records = take(data.records, rows)

        def represent() -> Array:
            if item.representation.kind == "tabular":
                features = TabularFeatures(random_state=item.seed).fit(records[: len(split.train)])
                vectors: Array = features.transform(records)
            else:
                vectors = self._embed(item, records)
            return vectors

        return _Prepared(item, split, self._last.of(item, records, represent), data.y[rows], wanted)

    def _embed(self, item: Item, records: list[Any]) -> Array:
        if self._passes is None:
            self._passes = SharedPasses(item.representation, self._wanted)
        return self._passes.embed(item, records)

    def _data(self, item: Item) -> tuple[TaskData, NDArray[np.intp]]:
        """Return a task's data and which inputs are equal; what was read last is kept, for the next seed."""
        key = (item.task.name, item.rows, item.seed if item.task.kind == "bbob" else 0)
        if self._read is None or self._read[0] != key:
            data = item.task.load(item.seed, item.rows)
            self._read = (key, data, input_numbers(data.records))
        return self._read[1], self._read[2]

    def _with_smoothness(self, batch: Sequence[_Prepared]) -> list[_Prepared]:
        """Keep the smoothness of items, and return those that have one; an item without fails, to be tried again."""
        items = [(p.item.smoothness_key(), p) for p in batch]
        known = self._store.get("smoothness", [key for key, _ in items])
        found: dict[str, dict[str, Any]] = {}
        smooth = []
        for key, prepared in items:
            try:
                if key not in known:
                    found[key] = _smoothness_of(prepared)
            except Exception as error:  # whatever it is, the others go on
                self._note_failures(prepared.wanted, prepared.item, error)
            else:
                smooth.append(prepared)
        self._store.add("smoothness", found)
        return smooth

    def _fit(self, chosen: Sequence[_Fit]) -> None:
        """Fit one head to the items that want it, together; one by one if they fail together."""
        try:
            rows = self._results(chosen)
        except Exception as error:  # whatever it is, the others go on
            if len(chosen) == 1:
                key, head, prepared = chosen[0]
                self._note_failures([(key, head)], prepared.item, error)
            else:
                for one in chosen:
                    self._fit([one])
            return
        self._store.add("cells", rows)
        self._bar.update(len(rows))

    def _results(self, chosen: Sequence[_Fit]) -> dict[str, dict[str, Any]]:
        started = time.monotonic()
        heads = fit_many(chosen[0][1].make(), [p.problem() for _, _, p in chosen])
        scores = [
            evaluate(p.y[p.test], head.predict(p.vectors[p.test]))
            for head, (_, _, p) in zip(heads, chosen, strict=True)
        ]
        seconds = (time.monotonic() - started) / len(chosen)
        return {
            key: _facts(p.item)
            | {
                "head": spec.name,
                "dimension": int(p.vectors.shape[1]),
                "n_train": len(p.split.train),
                "n_test": len(p.split.test),
                "chosen": head.chosen_,
                "seconds": round(seconds, 4),
                **{name: score[name] for name in METRICS},
            }
            for (key, spec, p), head, score in zip(chosen, heads, scores, strict=True)
        }

    def _note_failures(self, wanted: Sequence[tuple[str, HeadSpec]], item: Item, error: Exception) -> None:
        said = str(error) if isinstance(error, EmbedregError) else f"{type(error).__name__}: {error}"
        self._store.add("failures", {key: _facts(item) | {"error": said} for key, _ in wanted})
        self._bar.update(len(wanted))


def _facts(item: Item) -> dict[str, Any]:
    """Return what a row says of its cell, to be read by people and tables."""
    return {
        "task": item.task.name,
        "suite": item.task.suite,
        "dof": item.task.dof,
        "representation": item.representation.name,
        "kind": item.representation.kind,
        "rows": item.rows,
        "seed": item.seed,
    }


def _smoothness_of(prepared: _Prepared) -> dict[str, Any]:
    n = len(prepared.split.train)
    facts = _facts(prepared.item)
    for scaling in ("invariant", "paper"):
        found = nlfd(prepared.vectors[:n], prepared.y[:n], scaling=scaling)
        facts |= {f"mean_{scaling}": found.mean, f"deviation_{scaling}": found.deviation}
        facts |= {"without_factor": found.without_factor, "repeated": found.repeated}
    return facts
