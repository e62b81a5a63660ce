"""Running cells: each is fitted, scored and kept, or its failure is noted; what is kept is not run again."""

from __future__ import annotations

import contextlib
import time
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.quality._grid import ROWS, SCORED, family_of
from benchmarks.quality.methods import Fitted, Method, Parts
from embedreg.serialize import input_numbers
from embedreg.study import evaluate, group_split
from embedreg.tasks import TaskData

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from benchmarks.quality._grid import Cell
    from embedreg.study.grid import StudyStore
    from embedreg.tasks import Task

METRICS = ("kendall_tau", "pearson", "rmse")
COVERAGES = (80, 90)  # percent
PACKAGES = ("embedreg", "numpy", "scikit-learn", "torch", "transformers", "xgboost")
DISTRIBUTIONS = {"sentence_transformers": "sentence-transformers"}
LONGEST_MESSAGE = 500


def run_cells(cells: Sequence[Cell], store: StudyStore, say: Callable[[str], None] = print) -> int:
    """Run those that are not kept, and return how many failed. It may be stopped anywhere and called again."""
    keys = {cell.key(): cell for cell in cells}
    done = store.get("cells", keys)
    left = [(key, cell) for key, cell in keys.items() if key not in done]
    say(f"{len(done)} of {len(keys)} cells are kept, {len(left)} are left")
    finished, failed = len(done), 0
    for _, group in groupby(left, key=lambda pair: (pair[1].task.name, pair[1].seed)):
        own = list(group)
        try:
            parts, test = parts_of(own[0][1].task, own[0][1].seed)
        except Exception as error:  # whatever it is, other tasks go on
            failed += len(own)
            store.add("failures", {key: _failure(cell, error) for key, cell in own})
            say(f"{own[0][1].task.name} seed {own[0][1].seed}: failed, {error}")
            continue
        for key, cell in own:
            finished += 1
            try:
                row = _measured(cell, parts, test)
            except Exception as error:  # whatever a peer raises is noted, and others go on
                failed += 1
                store.add("failures", {key: _failure(cell, error)})
                say(f"{finished}/{len(keys)} {' '.join(map(str, cell.name))}: failed, {error}")
                continue
            store.add("cells", {key: row})
            store.forget_failures([key])
            say(
                f"{finished}/{len(keys)} {' '.join(map(str, cell.name))}: tau {row['kendall_tau']:.3f}, "
                f"{row['fit_seconds']:.1f} s"
            )
    return failed


def parts_of(task: Task, seed: int) -> tuple[Parts, TaskData]:
    """Return what methods are given, and the test rows, none of which has an input that they were given."""
    data = task.load(seed, ROWS + SCORED)
    inputs = input_numbers(data.records)
    split = group_split(inputs, seed=seed, max_rows=ROWS)
    sampled = np.concatenate([split.train, split.validation, split.test])
    others = np.flatnonzero(~np.isin(inputs, inputs[sampled]))
    more = np.random.default_rng(seed).permutation(others)[: max(0, SCORED - len(split.test))]
    test = np.concatenate([split.test, more])
    train, validation = _rows(data, split.train), _rows(data, split.validation)
    return Parts(train, validation), _rows(data, test)


def _rows(data: TaskData, rows: NDArray[np.intp]) -> TaskData:
    return TaskData([data.records[i] for i in rows], data.y[rows])


def _measured(cell: Cell, parts: Parts, test: TaskData) -> dict[str, Any]:
    wall, processor = time.perf_counter(), time.process_time()
    fitted = cell.method.fit(parts, cell.seed)
    seconds = {
        "fit_seconds": round(time.perf_counter() - wall, 3),
        "fit_processor_seconds": round(time.process_time() - processor, 3),
    }
    wall = time.perf_counter()
    predicted = np.asarray(fitted.predict(test.records), dtype=np.float64)
    seconds["predict_seconds"] = round(time.perf_counter() - wall, 3)
    scores = evaluate(test.y, predicted)
    return {
        **_names(cell),
        **{name: scores[name] for name in METRICS},
        **_interval_scores(fitted, parts, test),
        **seconds,
        "test_rows": len(test.y),
        "chosen": fitted.chosen,
        "versions": _versions(cell.method),
    }


def _interval_scores(fitted: Fitted, parts: Parts, test: TaskData) -> dict[str, float]:
    """Return the share of test targets within the interval, and its mean width beside that of the known targets' quantiles."""
    scores: dict[str, float] = {}
    if fitted.interval is None:
        return scores
    for percent in COVERAGES:
        low, high = fitted.interval(test.records, percent / 100).T
        scores[f"coverage_{percent}"] = float(np.mean((low <= test.y) & (test.y <= high)))
        blind = float(np.subtract(*np.quantile(parts.known.y, [0.5 + percent / 200, 0.5 - percent / 200])))
        if blind > 0:
            scores[f"width_{percent}"] = float(np.mean(high - low)) / blind
    return scores


def _names(cell: Cell) -> dict[str, Any]:
    return {
        "task": cell.task.name,
        "family": family_of(cell.task.name),
        "seed": cell.seed,
        "method": cell.method.name,
    }


def _failure(cell: Cell, error: Exception) -> dict[str, Any]:
    return {**_names(cell), "error": f"{type(error).__name__}: {error}"[:LONGEST_MESSAGE]}


def _versions(method: Method) -> dict[str, str]:
    found = {}
    for package in (*PACKAGES, *(DISTRIBUTIONS.get(name, name) for name in method.packages)):
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
