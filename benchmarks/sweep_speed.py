"""The batched MLP sweep against a loop of scikit-learn fits over the same grid, seeds, epochs and data.

    python benchmarks/sweep_speed.py --output benchmarks/results/sweep_speed.json

Two comparisons, each run in turn (ours, theirs, ours, theirs) so that what else the machine does falls on
both:

- "fixed": no early stopping on either side, so that both take the same number of steps of the same size.
- "as used": early stopping on, with the same patience. Each side stops as it does for its users, so steps
differ.

scikit-learn's `alpha` is an l2 term in the loss where ours is AdamW's decoupled decay: the same work, not the
same model. It holds its validation rows out itself, so it is given the training and validation rows together
where it stops early.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import time
import warnings
from pathlib import Path

import numpy as np
import scipy
import sklearn
import torch
from scipy.stats import kendalltau
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from embedreg.heads import MLPHead, Problem, fit_many

N_VALIDATION, N_TEST = 50, 200


def main() -> None:
    args = parse_arguments()
    os.environ["EMBEDREG_PROGRESS"] = "0"
    warnings.simplefilter("ignore", ConvergenceWarning)  # a fixed number of epochs is the point
    torch.ones(64, 64) @ torch.ones(64, 64)  # start the threads before the clock
    runs = [(columns, False, number) for columns in args.columns for number in range(args.pairs)]
    runs += [(args.columns[0], True, number) for number in range(args.early_pairs)]
    rows = []
    for columns, early, number in runs:
        epochs = args.max_epochs if early else args.epochs
        row = pair(columns, seeds=args.seeds, rows=args.rows, epochs=epochs, early=early, number=number)
        rows.append(row)
        print(json.dumps(row), flush=True)
    if args.output:
        args.output.parent.mkdir(parents=True, exist_ok=True)
        result = {"settings": {**vars(args), "output": None, **machine()}, "rows": rows}
        args.output.write_text(json.dumps(result, indent=1) + "\n")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, help="JSON file to write")
    parser.add_argument("--columns", type=int, nargs="+", default=[384, 32], help="input widths")
    parser.add_argument("--rows", type=int, default=400, help="training rows")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=30, help="without early stopping")
    parser.add_argument("--max-epochs", type=int, default=300, help="with early stopping")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--early-pairs", type=int, default=2)
    return parser.parse_args()


def pair(columns: int, *, seeds: int, rows: int, epochs: int, early: bool, number: int) -> dict[str, object]:
    """Time one sweep of ours and then one of theirs, and compare what they predict."""
    data = [make_data(rows, columns, seed) for seed in range(seeds)]
    ours, our_taus = timed(sweep_ours, data, epochs, early)
    theirs, their_taus = timed(sweep_theirs, data, epochs, early)
    return {
        "comparison": "as used" if early else "fixed",
        "columns": columns,
        "pair": number,
        "epochs": epochs,
        "fits": seeds * len(grid()),
        "ours_s": round(ours, 2),
        "theirs_s": round(theirs, 2),
        "ratio": round(theirs / ours, 2),
        "our_taus": our_taus,
        "their_taus": their_taus,
        "load_average": os.getloadavg()[0],
    }


def timed(sweep, data, epochs: int, early: bool) -> tuple[float, list[float]]:
    started = time.perf_counter()
    predictions = sweep(data, epochs, early)
    seconds = time.perf_counter() - started
    taus = [float(kendalltau(p, d["test"][1]).statistic) for p, d in zip(predictions, data, strict=True)]
    return seconds, [round(t, 3) for t in taus]


def grid() -> list[tuple[float, float]]:
    return list(itertools.product(MLPHead().learning_rates, MLPHead().weight_decays))


def sweep_ours(data, epochs: int, early: bool) -> list[np.ndarray]:
    head = MLPHead(max_epochs=epochs, patience=MLPHead().patience if early else None)
    problems = [Problem(*d["train"], d["validation"], random_state=seed) for seed, d in enumerate(data)]
    return [h.predict(d["test"][0]) for h, d in zip(fit_many(head, problems), data, strict=True)]


def sweep_theirs(data, epochs: int, early: bool) -> list[np.ndarray]:
    return [best_of_loop(d, epochs, early, seed) for seed, d in enumerate(data)]


def best_of_loop(d, epochs: int, early: bool, seed: int) -> np.ndarray:
    """Fit the grid one by one on standardised float32 data, and predict with the best on validation rows."""
    X, y = d["train"]
    if early:
        X, y = (np.concatenate([d["train"][i], d["validation"][i]]) for i in range(2))
    mean, deviation = X.mean(axis=0), X.std(axis=0)
    models = []
    for rate, decay in grid():
        model = MLPRegressor(
            hidden_layer_sizes=MLPHead().hidden,
            learning_rate_init=rate,
            alpha=decay,
            batch_size=min(MLPHead().batch_size, len(y)),
            max_iter=epochs,
            early_stopping=early,
            validation_fraction=N_VALIDATION / len(y),
            n_iter_no_change=MLPHead().patience if early else epochs + 1,
            tol=0.0,
            random_state=seed,
        )
        models.append(model.fit((X - mean) / deviation, (y - y.mean()) / y.std()))
    X_validation, y_validation = d["validation"]
    X_validation, y_validation = (X_validation - mean) / deviation, (y_validation - y.mean()) / y.std()
    if early:  # its validation rows are its own choice, so its own score of them is what can be chosen by
        best = max(models, key=lambda m: m.best_validation_score_)
    else:
        best = min(models, key=lambda m: np.mean((m.predict(X_validation) - y_validation) ** 2))
    return best.predict((d["test"][0] - mean) / deviation)


def make_data(rows: int, columns: int, seed: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Draw inputs that vary in 12 directions, as embeddings of a table's rows do, and a target with noise."""
    rng = np.random.default_rng(seed)
    n = rows + N_VALIDATION + N_TEST
    hidden = rng.normal(size=(n, 12))
    X = np.tanh(hidden @ rng.normal(size=(12, columns)) / 3).astype(np.float32)
    y = hidden[:, 0] + np.sin(2 * hidden[:, 1]) + hidden[:, 2] * hidden[:, 3] + 0.3 * rng.normal(size=n)
    validation_end = rows + N_VALIDATION
    cuts = {"train": slice(rows), "validation": slice(rows, validation_end), "test": slice(-N_TEST, None)}
    return {name: (X[cut], y[cut].astype(np.float32)) for name, cut in cuts.items()}


def machine() -> dict[str, object]:
    models = [line.split(":")[1].strip() for line in cpu_info() if line.startswith("model name")]
    return {
        "head": MLPHead().get_params(),
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "versions": {m.__name__: m.__version__ for m in (np, scipy, sklearn, torch)},
    }


def cpu_info() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


if __name__ == "__main__":
    main()
