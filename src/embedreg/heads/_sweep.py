"""The sweep over learning rates and weight decays: configurations and problems train in batches, not one by one.

A batch is a few models that together fit in a processor's cache; each processor trains one batch at a time. On
two cores that is three times as fast as one batch of all models on both, which waits for memory (AdamW reads
and writes seven numbers a parameter at every step) and for the slower core after every product. A GPU trains as
many models at once as it has memory for. Compiled code trains a batch where it can (`_compiled_stack`), else torch (`_stack`).
"""

from __future__ import annotations

import functools
import itertools
import threading
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import torch

from embedreg.core import precision
from embedreg.core.denormals import denormals_flushed
from embedreg.core.devices import find_device, on_processor
from embedreg.core.progress import progress_bar
from embedreg.core.threads import torch_threads_kept
from embedreg.heads._compiled_stack import CompiledStack, compiled_steps_suit
from embedreg.heads._stack import Minibatches, MLPStack, initial_parameters, parameter_count
from embedreg.heads._workers import run_side_by_side, worker_count

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from embedreg.heads._base import Rows

_BATCH_BYTES: Final = 12 * 2**20
"""Parameters, gradients and AdamW's two moments of the models that one processor trains at once."""
_COPIES: Final = 4
_TRIED: Final = (
    4  # models, to measure a step; larger ones gain as much as those of these sizes, and take longer
)
_WIDEST_TRIED: Final = 512
_LAYERS_TRIED: Final = 3
_ROWS_TRIED: Final = 256
_LEAST_SPEEDUP: Final = 1.1
_GPU_SHARE: Final = 0.4  # of its free memory, for the same and the best parameters; the rest is for rows
_GPU_BYTES: Final = 2**31  # where it does not say what is free


@dataclass(frozen=True)
class Settings:
    """What every model of a sweep shares, and the grid it is over."""

    hidden: tuple[int, ...]
    learning_rates: tuple[float, ...]
    weight_decays: tuple[float, ...]
    max_epochs: int
    patience: int | None
    batch_size: int
    device: str
    dtype: str


@dataclass(frozen=True, eq=False)
class Task:
    """Standardised training and validation rows, and the seed of initial weights and shuffling."""

    train: Rows
    validation: Rows
    seed: int


@dataclass(frozen=True, eq=False)
class Winner:
    """The configuration of a task with the lowest validation error, at its best epoch."""

    layers: list[
        tuple[NDArray[np.float32], NDArray[np.float32]]
    ]  # weights (inputs, outputs) and biases (outputs,)
    learning_rate: float
    weight_decay: float
    epoch: int
    validation_mse: float


class _Model(NamedTuple):
    task: int  # position in the group's tasks
    learning_rate: float
    weight_decay: float


def training_dtype(hidden: Sequence[int], batch_size: int, device: str) -> str:
    """Return the precision that models of such layers train in faster: steps on a processor, products on a GPU, are measured.

    Of few rows products are a part of a step, and what is copied from one precision to the other is another: with AMX large
    products are much faster in bfloat16, and steps on the default's rows no faster.
    """
    place = find_device(device)
    if not on_processor(place):
        return precision.fastest_dtype(max(hidden, default=1), device)
    widths = [min(width, _WIDEST_TRIED) for width in hidden[:_LAYERS_TRIED]]
    rows = min(batch_size, _ROWS_TRIED)
    what = f"training of {'-'.join(map(str, widths)) or 'linear models'} on {rows} rows"
    make = functools.partial(_training_step, widths=(max(widths, default=1), *widths, 1), rows=rows)
    return precision.faster_dtype(what, place, make, _LEAST_SPEEDUP)


def _training_step(dtype: str, *, widths: Sequence[int], rows: int) -> Callable[[], None]:
    """Return a step of a few models like those of a sweep."""
    start = initial_parameters(widths, torch.Generator().manual_seed(0))
    kind = getattr(torch, dtype)
    stack = _make_stack(start.repeat(_TRIED, 1), widths, [(1e-3, 0.0)] * _TRIED, kind, rows)
    x, y = torch.ones(rows, widths[0], dtype=kind), torch.zeros(rows, 1, dtype=torch.float32)
    batches = Minibatches(x, y, torch.arange(rows).view(1, 1, -1), torch.full_like(y, 1 / rows)[None, None])
    return functools.partial(stack.learn, batches)


def _make_stack(
    parameters: Tensor, widths: Sequence[int], rates: list[tuple[float, float]], dtype: torch.dtype, rows: int
) -> MLPStack | CompiledStack:
    """Return models that train, by steps of so many rows, as fast as can be here."""
    if compiled_steps_suit(parameters.device, dtype, rows):
        return CompiledStack(parameters, widths, rates)
    return MLPStack(parameters, widths, rates, dtype)


def train_sweep(tasks: Sequence[Task], settings: Settings, description: str) -> list[Winner]:
    """Train the whole grid on every task, and return each task's winner, in their order.

    Tasks of one width that take as many steps an epoch may share a batch. All configurations of a task start
    from the same weights and see its rows in the same order, so that they differ by their configuration alone.
    What else is in the batch changes nothing, nor does the number of processors.
    """
    device = find_device(settings.device)
    groups: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for position, task in enumerate(tasks):
        groups[task.train.X.shape[1], _steps(len(task.train), settings.batch_size)].append(position)
    winners: dict[int, Winner] = {}
    total = len(tasks) * len(settings.learning_rates) * len(settings.weight_decays) * settings.max_epochs
    with progress_bar(total, description, "epoch") as bar:
        for positions in groups.values():
            group = [tasks[p] for p in positions]
            found = _train_group(group, settings, device, lambda done: bool(bar.update(done)))
            winners.update(zip(positions, found, strict=True))
    return [winners[position] for position in range(len(tasks))]


def _train_group(
    tasks: list[Task], settings: Settings, device: torch.device, progress: Callable[[int], object]
) -> list[Winner]:
    """Train the grid on tasks of one shape, batch by batch."""
    widths = (tasks[0].train.X.shape[1], *settings.hidden, 1)
    grid = list(itertools.product(settings.learning_rates, settings.weight_decays))
    at_once = _models_at_once(parameter_count(widths), len(tasks) * len(grid), device)
    batches = _batches(len(tasks), grid, at_once, by_rates=not on_processor(device))
    stopped, lock = threading.Event(), threading.Lock()

    def note(done: int) -> None:
        with lock:
            progress(done)

    def train(batch: list[_Model]) -> dict[int, Winner]:
        training = _Training(tasks, batch, widths, settings, device)
        training.run(settings, note, stopped)
        return training.winners()

    run = _on_a_thread_each if on_processor(device) else _one_by_one
    found = run(train, batches, stopped)
    best: dict[int, Winner] = {}
    for position in range(len(batches)):  # in the grid's order, so that the first of equals wins
        for task, winner in found[position].items():
            if task not in best or winner.validation_mse < best[task].validation_mse:
                best[task] = winner
    return [best[task] for task in range(len(tasks))]


def _batches(
    tasks: int, grid: Sequence[tuple[float, float]], at_once: int, *, by_rates: bool
) -> list[list[_Model]]:
    """Cut the grid of every task into batches of so many models at most, a task's own in the grid's order.

    `by_rates`, as many whole tasks as fit share a batch, and those of equal rates are in a row there, for one call of the
    optimiser.
    """
    together = max(1, at_once // len(grid)) if by_rates else 1
    models: list[_Model] = []
    for first in range(0, tasks, together):
        some = range(first, min(first + together, tasks))
        models += [_Model(task, *rates) for rates in grid for task in some]
    size = together * len(grid) if by_rates and len(grid) <= at_once else at_once
    return [models[start : start + size] for start in range(0, len(models), size)]


def _on_a_thread_each(
    train: Callable[[list[_Model]], dict[int, Winner]], batches: list[list[_Model]], stopped: threading.Event
) -> dict[int, dict[int, Winner]]:
    """Train batches side by side, torch being kept to one thread for each."""

    def alone(batch: list[_Model]) -> dict[int, Winner]:
        torch.set_num_threads(1)  # of this thread, and of those that begin later
        with denormals_flushed():
            return train(batch)

    with torch_threads_kept():
        return dict(run_side_by_side(alone, batches, stopped.set))


def _one_by_one(
    train: Callable[[list[_Model]], dict[int, Winner]], batches: list[list[_Model]], _stopped: threading.Event
) -> dict[int, dict[int, Winner]]:
    """Train batches one after the other."""
    return dict(enumerate(map(train, batches)))


def _models_at_once(size: int, models: int, device: torch.device) -> int:
    """Return how many models of that many parameters a cache has room for, leaving no processor idle, or a GPU's memory."""
    if on_processor(device):
        return max(1, min(_BATCH_BYTES // (_COPIES * 4 * size), -(-models // worker_count())))
    room = torch.cuda.mem_get_info(device)[0] * _GPU_SHARE if device.type == "cuda" else _GPU_BYTES
    return max(1, int(room) // ((_COPIES + 1) * 4 * size))


class _Training:
    """Models in training, and the best that each has been."""

    def __init__(
        self,
        tasks: list[Task],
        models: list[_Model],
        widths: tuple[int, ...],
        settings: Settings,
        device: torch.device,
    ) -> None:
        self._models = models
        used = sorted({m.task for m in models})
        self._task = torch.tensor([used.index(m.task) for m in models], device=device)
        rows = max(len(t.train) for t in tasks), max(len(t.validation) for t in tasks)
        self._dtype = getattr(torch, settings.dtype)
        self._data = _Data([tasks[i] for i in used], settings.batch_size, rows, device, self._dtype)
        initial = torch.stack([initial_parameters(widths, g) for g in self._data.generators])
        rates = [(m.learning_rate, m.weight_decay) for m in models]
        parameters = initial.to(device)[self._task]
        self._stack = _make_stack(parameters, widths, rates, self._dtype, self._data.rows_a_step)
        self._best = self._stack.parameters.clone()
        self._best_mse = torch.full((len(models),), torch.inf, dtype=torch.float32, device=device)
        self._best_epoch = torch.zeros(len(models), dtype=torch.long, device=device)

    @torch.no_grad()
    def run(self, settings: Settings, progress: Callable[[int], object], stopped: threading.Event) -> None:
        """Train until every model has ended, early or at the last epoch, or all are told to stop."""
        patience = settings.max_epochs if settings.patience is None else settings.patience
        stack = self._stack
        alive = torch.arange(len(self._models), device=self._best.device)
        for epoch in range(1, settings.max_epochs + 1):
            stack.learn(self._data.epoch(self._task[alive]))
            self._note_best(alive, epoch)
            going = (epoch - self._best_epoch[alive] < patience).nonzero().squeeze(1)
            ended = len(alive) - len(going)
            progress(len(alive) + ended * (settings.max_epochs - epoch))
            if ended:
                stack.keep(going)
                alive = alive[going]
            if not len(alive) or stopped.is_set():
                break

    def _note_best(self, alive: Tensor, epoch: int) -> None:
        stack = self._stack
        x, y, weight = self._data.validation(self._task[alive])
        mse = ((stack.predict(x) - y).square() * weight).sum(dim=(1, 2))
        better = mse < self._best_mse[alive]  # never for a model that has diverged to NaN
        improved = better.nonzero().squeeze(1)
        models = alive[improved]
        self._best.index_copy_(0, models, stack.parameters.index_select(0, improved))
        self._best_mse[models] = mse[improved]
        self._best_epoch[models] = epoch

    def winners(self) -> dict[int, Winner]:
        """Return the best model of each task; the first of equals."""
        best: dict[int, int] = {}
        scores = self._best_mse.tolist()
        for position, model in enumerate(self._models):
            if model.task not in best or scores[position] < scores[best[model.task]]:
                best[model.task] = position
        return {task: self._winner(position) for task, position in best.items()}

    def _winner(self, position: int) -> Winner:
        layers = self._stack.layers_of(self._best[position : position + 1].cpu())
        return Winner(
            layers=[(w[0].numpy().copy(), b[0, 0].numpy().copy()) for w, b in layers],
            learning_rate=self._models[position].learning_rate,
            weight_decay=self._models[position].weight_decay,
            epoch=int(self._best_epoch[position]),
            validation_mse=float(self._best_mse[position]),
        )


class _Data:
    """The rows of tasks that take as many steps an epoch, padded to one shape; padding has weight zero.

    `rows` are the training and validation rows to pad to: those of the whole group, so that a task's numbers
    do not hang on the tasks beside it. `dtype` is that of training inputs.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        batch_size: int,
        rows: tuple[int, int],
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self._x, self._y, _ = (part.to(device) for part in _padded([t.train for t in tasks], rows[0]))
        self._x = self._x.to(dtype)
        self._validation = [part.to(device) for part in _padded([t.validation for t in tasks], rows[1])]
        self._sizes = [len(t.train) for t in tasks]
        steps = _steps(self._sizes[0], batch_size)
        slots = [_slots(n, steps, width=_steps(rows[0], steps)) for n in self._sizes]
        self._slots = torch.stack([s for s, _ in slots])  # (tasks, steps, b)
        self.rows_a_step = self._slots.shape[2]
        self._weights = torch.stack([w for _, w in slots]).unsqueeze(-1).to(device)  # (tasks, steps, b, 1)
        self.generators = [torch.Generator().manual_seed(t.seed) for t in tasks]

    def epoch(self, tasks: Tensor) -> Minibatches:
        """Return the next epoch's rows of these tasks (m,)."""
        tasks = self._distinct(tasks)
        rows = self._shuffled().to(self._x.device)[tasks]
        return Minibatches(self._x.flatten(0, 1), self._y.flatten(0, 1), rows, self._weights[tasks])

    def validation(self, tasks: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return validation inputs (m, v, d), targets and weights (m or 1, v, 1) of these tasks (m,)."""
        many, tasks = len(tasks), self._distinct(tasks)
        x, y, weight = (part[tasks] for part in self._validation)
        return x.expand(many, -1, -1), y, weight

    def _distinct(self, tasks: Tensor) -> Tensor:
        """Where there is but one task, its rows are read once, for all its models."""
        return tasks if len(self._sizes) > 1 else tasks[:1]

    def _shuffled(self) -> Tensor:
        """Draw each task's order of rows by its own generator: (tasks, steps, b) into all tasks' rows."""
        orders = [torch.randperm(n, generator=g) for n, g in zip(self._sizes, self.generators, strict=True)]
        first = range(0, len(orders) * self._x.shape[1], self._x.shape[1])
        return torch.stack([s + o[slots] for s, o, slots in zip(first, orders, self._slots, strict=True)])


def _steps(n: int, batch_size: int) -> int:
    """Return n / batch_size, rounded up."""
    return -(-n // batch_size)


def _slots(n: int, steps: int, width: int) -> tuple[Tensor, Tensor]:
    """Cut n shuffled rows into `steps` batches whose sizes differ by one at most.

    Returns positions in the shuffled order and weights that make a batch's loss a mean, both (steps, width).
    """
    positions = torch.zeros(steps, width, dtype=torch.long)
    weights = torch.zeros(steps, width, dtype=torch.float32)
    for step, part in enumerate(torch.arange(n).tensor_split(steps)):
        positions[step, : len(part)] = part
        weights[step, : len(part)] = 1 / len(part)
    return positions, weights


def _padded(parts: Sequence[Rows], n: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return x (tasks, n, d), y (tasks, n, 1) and weights (tasks, n, 1) that average over real rows."""
    d = parts[0].X.shape[1]
    x, y, weight = (torch.zeros(len(parts), n, width, dtype=torch.float32) for width in (d, 1, 1))
    for i, part in enumerate(parts):
        x[i, : len(part)] = torch.from_numpy(part.X)
        y[i, : len(part), 0] = torch.from_numpy(part.y)
        weight[i, : len(part)] = 1 / len(part)
    return x, y, weight
