"""Ways to train a grid of perceptrons, one kept: ours, and those of peers. Each returns the best error on validation rows.

Every side has the same standardised rows, layers, batch size, learning rates, weight decays and greatest number of epochs.
What differs, beside the code:

- scikit-learn's `alpha` is an l2 term in the loss, and its optimiser Adam; the others have AdamW's decoupled decay.
- where it stops early scikit-learn holds rows of its own out of the training rows, which leaves it fewer to train on; the
  others stop by the validation rows.
"""

from __future__ import annotations

import copy
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.neural_network import MLPRegressor

from embedreg.heads import MLPHead

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEFAULTS = MLPHead()
VALIDATION = 50


@dataclass(frozen=True)
class Data:
    """Standardised training rows (n, d) and (n,), and validation rows."""

    X: NDArray[np.float32]
    y: NDArray[np.float32]
    X_validation: NDArray[np.float32]
    y_validation: NDArray[np.float32]

    @property
    def all_rows(self) -> tuple[NDArray[np.float32], NDArray[np.float32], PredefinedSplit]:
        """Return all rows, and the split of them that a grid search is given."""
        fold = np.r_[np.full(len(self.y), -1), np.zeros(len(self.y_validation), dtype=int)]
        X = np.concatenate([self.X, self.X_validation])
        return X, np.concatenate([self.y, self.y_validation]), PredefinedSplit(fold)


def make_data(rows: int, columns: int, seed: int = 0) -> Data:
    """Draw inputs that vary in 12 directions, as embeddings of a table's rows do, and a target with noise."""
    rng = np.random.default_rng(seed)
    n = rows + VALIDATION
    hidden = rng.normal(size=(n, 12))
    X = np.tanh(hidden @ rng.normal(size=(12, columns)) / 3)
    y = hidden[:, 0] + np.sin(2 * hidden[:, 1]) + hidden[:, 2] * hidden[:, 3] + 0.3 * rng.normal(size=n)
    X = ((X - X[:rows].mean(axis=0)) / X[:rows].std(axis=0)).astype(np.float32)
    y = ((y - y[:rows].mean()) / y[:rows].std()).astype(np.float32)
    return Data(X[:rows], y[:rows], X[rows:], y[rows:])


def embedreg(data: Data, epochs: int, patience: int | None, dtype: str = DEFAULTS.dtype) -> float:
    head = MLPHead(max_epochs=epochs, patience=patience, dtype=dtype)
    head.fit(data.X, data.y, validation=(data.X_validation, data.y_validation))
    return float(head.chosen_["validation_mse"])


def scikit_learn(data: Data, epochs: int, patience: int | None, processes: int | None = None) -> float:
    X, y, split = data.all_rows
    model = MLPRegressor(
        hidden_layer_sizes=DEFAULTS.hidden,
        batch_size=DEFAULTS.batch_size,
        max_iter=epochs,
        early_stopping=patience is not None,
        validation_fraction=VALIDATION / len(data.y),
        n_iter_no_change=patience or epochs + 1,
        tol=0.0,
        random_state=0,
    )
    grid = {"learning_rate_init": DEFAULTS.learning_rates, "alpha": DEFAULTS.weight_decays}
    return _searched(model, grid, split, X, y, processes)


def torch_loop(
    data: Data, epochs: int, patience: int | None, *, device: str = "cpu", fused: bool = False
) -> float:
    """One model after the other, as a tutorial would write it; rows are drawn by index, without a DataLoader."""
    torch.manual_seed(0)
    X, y = torch.from_numpy(data.X).to(device), torch.from_numpy(data.y)[:, None].to(device)
    held_out = (
        torch.from_numpy(data.X_validation).to(device),
        torch.from_numpy(data.y_validation)[:, None].to(device),
    )
    grid = itertools.product(DEFAULTS.learning_rates, DEFAULTS.weight_decays)
    return min(_trained(X, y, held_out, epochs, patience, *config, fused=fused) for config in grid)


def skorch(data: Data, epochs: int, patience: int | None) -> float:
    from skorch import NeuralNetRegressor
    from skorch.callbacks import EarlyStopping
    from skorch.dataset import Dataset
    from skorch.helper import predefined_split

    torch.manual_seed(0)
    X, y, split = data.all_rows
    held_out = Dataset(data.X_validation, data.y_validation[:, None])
    net = NeuralNetRegressor(
        network,
        module__columns=X.shape[1],
        optimizer=torch.optim.AdamW,
        batch_size=DEFAULTS.batch_size,
        iterator_train__shuffle=True,
        max_epochs=epochs,
        train_split=predefined_split(held_out) if patience else None,
        callbacks=[EarlyStopping(patience=patience, load_best=True)] if patience else None,
        verbose=0,
    )
    grid = {"lr": DEFAULTS.learning_rates, "optimizer__weight_decay": DEFAULTS.weight_decays}
    return _searched(net, grid, split, X, y[:, None], None)


def flop_an_epoch(rows: int, columns: int) -> float:
    """Return the floating-point operations of a model's products in an epoch, forwards and backwards."""
    widths = [columns, *DEFAULTS.hidden, 1]
    weights = [a * b for a, b in itertools.pairwise(widths)]
    # for each weight and row one in the output, one in the weight's derivative, and one in the input's but for the first layer
    return 2.0 * rows * (3 * sum(weights) - weights[0])


def network(columns: int) -> torch.nn.Sequential:
    """Return the layers of our head."""
    widths = [columns, *DEFAULTS.hidden]
    hidden = [[torch.nn.Linear(a, b), torch.nn.ReLU()] for a, b in itertools.pairwise(widths)]
    return torch.nn.Sequential(*itertools.chain.from_iterable(hidden), torch.nn.Linear(widths[-1], 1))


def _searched(
    model: Any, grid: dict[str, Any], split: PredefinedSplit, X: Any, y: Any, processes: int | None
) -> float:
    grid = {name: list(values) for name, values in grid.items()}
    search = GridSearchCV(
        model, grid, scoring="neg_mean_squared_error", cv=split, refit=False, n_jobs=processes
    )
    return -float(search.fit(X, y).best_score_)


def _trained(
    X: torch.Tensor,
    y: torch.Tensor,
    held_out: tuple[torch.Tensor, torch.Tensor],
    epochs: int,
    patience: int | None,
    rate: float,
    decay: float,
    *,
    fused: bool,
) -> float:
    """Return the least validation error of one configuration."""
    model = network(X.shape[1]).to(X.device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=decay, fused=fused or None)
    best, best_epoch = float("inf"), 0
    for epoch in range(epochs):
        for rows in torch.randperm(len(X), device=X.device).split(DEFAULTS.batch_size):
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(model(X[rows]), y[rows]).backward()
            optimizer.step()
        with torch.no_grad():
            error = float(torch.nn.functional.mse_loss(model(held_out[0]), held_out[1]))
        if error < best:
            best, best_epoch, _kept = error, epoch, copy.deepcopy(model.state_dict())
        if patience and epoch - best_epoch >= patience:
            break
    return best
