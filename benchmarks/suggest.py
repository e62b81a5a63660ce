"""Find a small number in few measurements: `suggest` against Optuna's TPE, random search and the best predicted, on real tuning tables.

    python benchmarks/suggest.py --output benchmarks/results/suggest.json

All choose among the same 1,000 rows of a table and start from the same 10. TPE samples a value for each parameter; it is given the row
nearest to that which it has not measured, in ranks of numbers and equality of the rest. The score of a run is the share of the rows that are
better than the best it found after so many trials. Finished runs are not run again. Some tasks need EMBEDREG_DATA.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna

from embedreg import EmbeddingRegressor
from embedreg.tasks import select_tasks

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Policy = Callable[["Table", int], list[int]]  # the rows in the order in which they are measured

TASKS = [
    "xla/kernel_convolution_A100",
    "xla/kernel_gemm_RTX3090",
    "xla/kernel_dedispersion_A100",
    "xla/db_JOB_5knob",
    "automl/hpobench_car",
    "init2winit/fcnet_protein_structure",
    "l2da/blackscholes_cycles",
]
ROWS, START, BATCH, TRIALS = 1000, 10, 5, 50


class Table:
    """A task's rows, and their numbers as ranks for nearness."""

    def __init__(self, name: str, seed: int) -> None:
        data = select_tasks([name])[0].load(seed, None)
        chosen = np.random.default_rng(seed).permutation(len(data.y))[:ROWS]
        self.records: list[dict[str, Any]] = [data.records[row] for row in chosen]
        self.y = data.y[chosen]
        names = list(dict.fromkeys(name for record in self.records for name in record))
        self.choices = {
            name: sorted({record.get(name) for record in self.records}, key=lambda v: (str(type(v)), v))
            for name in names
        }
        self._codes = np.column_stack([self._code(name, self.records) for name in names])

    def _code(self, name: str, records: list[dict[str, Any]]) -> NDArray[np.float64]:
        values = self.choices[name]
        places = np.linspace(0, 1, len(values))
        if _are_numbers(values):
            return np.interp([float(record[name]) for record in records], values, places)
        return np.array([places[values.index(record.get(name))] for record in records])

    def nearest(self, record: dict[str, Any], free: list[int]) -> int:
        wanted = np.array([self._code(name, [record])[0] for name in self.choices])
        return free[int(np.argmin(np.abs(self._codes[free] - wanted).sum(axis=1)))]


def random_search(_table: Table, _seed: int) -> list[int]:
    """Return the rows in the order in which they are measured."""
    return list(range(TRIALS))


def tpe(table: Table, seed: int) -> list[int]:
    """Return the rows in the order in which TPE has them measured."""
    distributions: dict[str, Any] = {name: _distribution(values) for name, values in table.choices.items()}
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=START))
    measured: list[int] = []
    while len(measured) < TRIALS:
        if len(measured) < START:
            row = len(measured)
        else:
            asked = study.ask(distributions)
            free = [row for row in range(len(table.y)) if row not in set(measured)]
            row = table.nearest(asked.params, free)
            study.tell(
                asked, state=optuna.trial.TrialState.FAIL
            )  # its number belongs to the row that was measured
        params = {name: table.records[row].get(name) for name in table.choices}
        study.add_trial(
            optuna.trial.create_trial(params=params, distributions=distributions, value=float(table.y[row]))
        )
        measured.append(row)
    return measured


def _are_numbers(values: list[Any]) -> bool:
    return all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)


def _distribution(values: list[Any]) -> Any:
    if _are_numbers(values) and len(values) > 1:
        whole = all(isinstance(value, int) for value in values)
        kind = optuna.distributions.IntDistribution if whole else optuna.distributions.FloatDistribution
        return kind(values[0], values[-1])
    return optuna.distributions.CategoricalDistribution(values)


def in_batches(choose: Callable[[EmbeddingRegressor, list[Any], int], NDArray[np.intp]]) -> Policy:
    """Return a policy that has rows measured five at a time, as a model of those measured chooses."""

    def policy(table: Table, seed: int) -> list[int]:
        measured = list(range(START))
        while len(measured) < TRIALS:
            free = [row for row in range(len(table.y)) if row not in set(measured)]
            model = EmbeddingRegressor(representation="tabular", effort="fast", random_state=seed)
            model.fit([table.records[row] for row in measured], table.y[measured])
            best = choose(model, [table.records[row] for row in free], min(BATCH, TRIALS - len(measured)))
            measured += [free[position] for position in best]
        return measured

    return policy


POLICIES: dict[str, Policy] = {
    "random search": random_search,
    "Optuna TPE": tpe,
    "best predicted": in_batches(lambda model, free, k: np.argsort(model.predict(free))[:k]),
    "suggest": in_batches(lambda model, free, k: model.suggest(free, k)),
    "suggest, Thompson": in_batches(lambda model, free, k: model.suggest(free, k, acquisition="thompson")),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--tasks", nargs="+", default=TASKS)
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    done = json.loads(options.output.read_text()) if options.output.is_file() else {}
    for seed, task in itertools.product(range(options.seeds), options.tasks):
        table = Table(task, seed)
        for name, policy in POLICIES.items():
            key = f"{task} seed {seed} {name}"
            if key in done:
                continue
            started = time.monotonic()
            best = np.minimum.accumulate(table.y[policy(table, seed)])
            done[key] = {
                "task": task,
                "seed": seed,
                "policy": name,
                "better": [round(float(np.mean(table.y < value)), 4) for value in best[START - 1 :: BATCH]],
                "seconds": round(time.monotonic() - started, 1),
            }
            options.output.write_text(json.dumps(done, separators=(",", ":")) + "\n")
            print(f"{key}: {done[key]['better'][-1]:.4f}, {done[key]['seconds']} s", flush=True)


if __name__ == "__main__":
    main()
