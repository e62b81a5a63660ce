"""Tune with few expensive measurements: `suggest` chooses what Optuna asks next, on a real table of GPU kernel timings.

    pip install optuna
    python examples/tune_with_suggest.py --trials 40 --seed 0

The table stands in for the machine: a trial looks its measurement up. In earnest, replace `measure`.
"""

from __future__ import annotations

import argparse

import numpy as np
import optuna

from embedreg import EmbeddingRegressor
from embedreg.tasks import select_tasks

START, BATCH = 10, 5


def tune(task: str, trials: int, seed: int) -> optuna.Study:
    """Return Optuna's study after so many trials, a batch of suggestions at a time."""
    data = select_tasks([task])[0].load(seed, None)
    choices = {
        name: sorted({record[name] for record in data.records}, key=lambda value: (str(type(value)), value))
        for name in data.records[0]
    }
    distributions = {
        name: optuna.distributions.CategoricalDistribution(values) for name, values in choices.items()
    }

    def measure(row: int) -> float:
        return float(data.y[row])

    study = optuna.create_study(direction="minimize")
    unknown = list(np.random.default_rng(seed).permutation(len(data.y))[:1000])
    known: list[int] = []
    chosen = unknown[:START]
    while len(known) < trials:
        for row in chosen[: trials - len(known)]:
            study.enqueue_trial(data.records[row])
            study.tell(study.ask(distributions), measure(row))
            known.append(row)
        unknown = [row for row in unknown if row not in set(known)]
        model = EmbeddingRegressor(representation="tabular", effort="fast", random_state=seed)
        model.fit([data.records[row] for row in known], [measure(row) for row in known])
        best = model.suggest([data.records[row] for row in unknown], k=BATCH)
        chosen = [unknown[position] for position in best]
    return study


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--task", default="xla/kernel_convolution_A100")
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    found = tune(options.task, options.trials, options.seed)
    print(f"best of {len(found.trials)} trials: {found.best_value:.4g} with {found.best_params}")
