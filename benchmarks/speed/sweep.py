"""Seconds of the sweep over perceptrons, ours beside grid searches and loops over the same grid.

"fixed": the same number of epochs on all sides, no stopping, so that all take as many steps of the same size. "as used": all
stop early with the same patience, each as it does for its users, so that steps differ.
"""

from __future__ import annotations

import functools
import os
import warnings
from typing import TYPE_CHECKING
from unittest import mock

from benchmarks.speed import _grids
from benchmarks.speed._machine import DTYPES, matrix_peak
from benchmarks.speed._options import OURS, OURS_IN_BFLOAT16, Found, Options, Row
from benchmarks.speed._timing import in_turn

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS, COLUMNS, EPOCHS = 400, 384, 20
MATRIX = 2048
_WAYS: dict[str, Callable[..., float]] = {
    OURS: _grids.embedreg,
    OURS_IN_BFLOAT16: functools.partial(_grids.embedreg, dtype="bfloat16"),
    "scikit-learn GridSearchCV": _grids.scikit_learn,
    "scikit-learn GridSearchCV, all processors": functools.partial(_grids.scikit_learn, processes=-1),
    "PyTorch loop": _grids.torch_loop,
    "skorch GridSearchCV": _grids.skorch,
}
_WARM_UP_EPOCHS = 1


def measure(options: Options) -> Found:
    # that a fixed number of epochs does not converge is the point; workers are processes of their own
    with warnings.catch_warnings(), mock.patch.dict(os.environ, PYTHONWARNINGS="ignore"):
        warnings.simplefilter("ignore")
        return _measured(options)


def _measured(options: Options) -> Found:
    data = _grids.make_data(options.size(ROWS, 60), options.size(COLUMNS, 8))
    ways, left_out = _here(data)
    rows = _compared("fixed", ways, data, options.size(EPOCHS, 2), None, options.pairs)
    most = options.size(_grids.DEFAULTS.max_epochs, 3)
    rows += _compared(
        "as used", ways, data, most, _grids.DEFAULTS.patience, options.size(max(1, options.pairs // 3), 1)
    )
    grid = len(_grids.DEFAULTS.learning_rates) * len(_grids.DEFAULTS.weight_decays)
    settings = {
        "rows": len(data.y),
        "columns": data.X.shape[1],
        "fits": grid,
        "batch_size": _grids.DEFAULTS.batch_size,
        "flop_an_epoch": grid * _grids.flop_an_epoch(len(data.y), data.X.shape[1]),
        "peaks": {name: round(matrix_peak(name, options.size(MATRIX, 256))) for name in DTYPES},
    }
    return Found(rows, left_out, settings | {"patience": _grids.DEFAULTS.patience})


def _here(data: _grids.Data) -> tuple[dict[str, Callable[..., float]], dict[str, str]]:
    """Return the ways that can be run here, each run a little to start threads and processes, and why the others cannot."""
    here, left_out = {}, {}
    for name, way in _WAYS.items():
        try:
            way(data, _WARM_UP_EPOCHS, None)
        except ImportError as error:
            left_out[name] = str(error)
        else:
            here[name] = way
    return here, left_out


def _compared(
    comparison: str,
    ways: dict[str, Callable[..., float]],
    data: _grids.Data,
    epochs: int,
    patience: int | None,
    pairs: int,
) -> list[Row]:
    errors: dict[str, float] = {}

    def run(name: str) -> None:
        errors[name] = ways[name](data, epochs, patience)

    taken = in_turn({name: functools.partial(run, name) for name in ways}, pairs)
    about = {"comparison": comparison, "epochs": epochs}
    rows = [
        about | {"method": name, "seconds": taken[name], "validation_mse": round(errors[name], 4)}
        for name in ways
    ]
    for row in rows:
        print(
            f"{comparison}: {row['method']}: {min(row['seconds']):.2f} s, error {row['validation_mse']}",
            flush=True,
        )
    return rows
