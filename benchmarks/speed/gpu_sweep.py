"""Seconds of the paper's sweep over many tasks and seeds in one program on a GPU, beside a loop over the same models there.

The loop trains the models of one task, which is then taken as often as there are tasks: it trains one model after the other.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import torch

from benchmarks.speed import _grids
from benchmarks.speed._gpu import gpu, release, wait
from benchmarks.speed._options import OURS, OURS_IN_BFLOAT16, Found, Options, Row
from benchmarks.speed._timing import in_turn
from benchmarks.speed.sweep import COLUMNS, EPOCHS, ROWS
from embedreg.heads import MLPHead, Problem, fit_many

if TYPE_CHECKING:
    from collections.abc import Callable

TASKS = 115  # 23 tasks, 5 seeds each
LOOP = "PyTorch loop"
LOOP_FUSED = "PyTorch loop, fused AdamW"


def measure(options: Options) -> Found:
    device = gpu(options)
    rows, columns, tasks = options.size((ROWS, COLUMNS, TASKS), (40, 4, 2))
    epochs = options.size(EPOCHS, 1)
    problems = [_grids.make_data(rows, columns, seed) for seed in range(tasks)]
    ways: dict[str, Callable[[int, int | None], float]] = {
        OURS: functools.partial(_ours, problems, "float32", device),
        OURS_IN_BFLOAT16: functools.partial(_ours, problems, "bfloat16", device),
        LOOP: functools.partial(_loop, problems[0], device, fused=False),
        LOOP_FUSED: functools.partial(_loop, problems[0], device, fused=True),
    }
    for way in ways.values():
        way(1, None)  # the warm-up
    found = _compared("fixed", ways, epochs, None, options.pairs, tasks)
    used = options.size(_grids.DEFAULTS.max_epochs, 2)
    ways.pop(LOOP)  # the slower one
    found += _compared("as used", ways, used, _grids.DEFAULTS.patience, 1, tasks)
    release(device)
    return Found(found, {}, {
        "rows": rows, "columns": columns, "tasks": tasks, "fits": len(_grids.DEFAULTS.learning_rates) * len(_grids.DEFAULTS.weight_decays),
        "batch_size": _grids.DEFAULTS.batch_size, "patience": _grids.DEFAULTS.patience,
    })  # fmt: skip


def _ours(data: list[_grids.Data], dtype: str, device: str, epochs: int, patience: int | None) -> float:
    head = MLPHead(max_epochs=epochs, patience=patience, dtype=dtype, device=device)
    problems = [
        Problem(d.X, d.y, validation=(d.X_validation, d.y_validation), random_state=seed)
        for seed, d in enumerate(data)
    ]
    return float(fit_many(head, problems)[0].chosen_["validation_mse"])


def _loop(data: _grids.Data, device: str, epochs: int, patience: int | None, *, fused: bool) -> float:
    with torch.device(device):
        error = _grids.torch_loop(data, epochs, patience, device=device, fused=fused)
    wait(device)
    return error


def _compared(
    comparison: str,
    ways: dict[str, Callable[[int, int | None], float]],
    epochs: int,
    patience: int | None,
    pairs: int,
    tasks: int,
) -> list[Row]:
    errors: dict[str, float] = {}

    def run(name: str) -> None:
        errors[name] = ways[name](epochs, patience)

    taken = in_turn({name: functools.partial(run, name) for name in ways}, pairs)
    rows = [
        {
            "comparison": comparison, "epochs": epochs, "method": name, "seconds": taken[name],
            "tasks": 1 if name in {LOOP, LOOP_FUSED} else tasks, "validation_mse": round(errors[name], 4),
        }
        for name in ways
    ]  # fmt: skip
    for row in rows:
        print(
            f"{comparison}: {row['method']}: {min(row['seconds']):.2f} s of {row['tasks']} tasks, error {row['validation_mse']}",
            flush=True,
        )
    return rows
