"""The paper's head: a sweep of small multilayer perceptrons, the best on validation rows kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import numpy as np

from embedreg.core.errors import unknown_name
from embedreg.heads._base import Head, Problem, Rows, draw_seed, require, seeded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from embedreg.core.protocols import Array, SavedState
    from embedreg.heads._sweep import Settings, Task, Winner

DTYPES: Final = ("float32", "bfloat16", "auto")


class MLPHead(Head):
    """Multilayer perceptrons over a grid of learning rates and weight decays, one chosen on validation rows.

    The head of Tang, Yang and Song (arXiv 2411.14708): ReLU, mean squared error, AdamW, early stopping. All
    configurations train together as one batched computation; `fit_many` adds other problems (seeds, say) to
    the same batch.

    There is no `sample_weight`: within a minibatch a weight is not a repetition, since AdamW divides a
    gradient by its own size.

    The paper does not state a batch size or a patience. On 6 real tasks (400 training rows, tabular features
    and MiniLM embeddings) batches of 32, 64 and 128 rows and patiences of 10 to 60 epochs gave a mean Kendall
    tau of .64 to .67, in no order beyond noise; the defaults are among the quickest of them.

    Parameters
    ----------
    hidden
        Width of each hidden layer.
    learning_rates, weight_decays
        The grid is their product.
    max_epochs
        Passes over the training rows, at most.
    patience
        A configuration stops when its validation error has not improved for so many epochs; None never stops
        early. The weights of its best epoch are kept either way.
    batch_size
        Rows a step, at most: an epoch's rows are cut into batches of equal size.
    validation_fraction
        Share of the training rows that is held out when `fit` is given no validation rows.
    target_transform
        None, "yeo-johnson", or "auto": Yeo-Johnson if the training targets' absolute skewness is above 1.
    random_state
        Seed of the held-out part, the initial weights and the shuffling.
    device
        Where the models are trained: "cpu", "auto" (cuda, else mps, else cpu) or a PyTorch device name. Predictions are
        computed on the processor.
    dtype
        Of the hidden layers' products while training: "float32", "bfloat16", or "auto", bfloat16 where training was measured
        here to be faster in it (on a GPU: products). Weights, the last layer, the choice on validation rows and predictions
        are in float32 or more all the same.

    Attributes
    ----------
    layers_ : list of (ndarray of shape (inputs, outputs), ndarray of shape (outputs,))
        Weights and biases of the chosen model.
    chosen_ : dict
        learning_rate, weight_decay, epoch, and validation_mse in the unit of the standardised target.
    n_features_in_ : int
        Number of columns seen in `fit`.

    Examples
    --------
    >>> X = np.linspace(-1, 1, 60)[:, None]
    >>> head = MLPHead(hidden=(16,), learning_rates=(1e-2,), weight_decays=(0.0,)).fit(X, X[:, 0] ** 2)
    >>> bool(head.score(X, X[:, 0] ** 2) > 0.9)
    True
    """

    name: ClassVar[str] = "mlp"
    seconds: ClassVar[float] = 1.5

    def __init__(
        self,
        hidden: Sequence[int] = (256, 256),
        *,
        learning_rates: Sequence[float] = (1e-4, 5e-4, 1e-3, 5e-3, 1e-2),
        weight_decays: Sequence[float] = (0.0, 0.1, 1.0),
        max_epochs: int = 300,
        patience: int | None = 20,
        batch_size: int = 32,
        validation_fraction: float = 1 / 9,
        target_transform: str | None = None,
        random_state: int | np.random.RandomState | None = 0,
        device: str = "cpu",
        dtype: str = "float32",
    ) -> None:
        self.hidden = hidden
        self.learning_rates = learning_rates
        self.weight_decays = weight_decays
        self.max_epochs = max_epochs
        self.patience = patience
        self.batch_size = batch_size
        self.validation_fraction = validation_fraction
        self.target_transform = target_transform
        self.random_state = random_state
        self.device = device
        self.dtype = dtype

    def check_parameters(self) -> None:
        """Refuse parameters out of range."""
        super().check_parameters()
        hidden, rates, decays = tuple(self.hidden), tuple(self.learning_rates), tuple(self.weight_decays)
        require(all(w >= 1 for w in hidden), "hidden", hidden, "widths of at least 1")
        require(bool(rates) and all(r > 0 for r in rates), "learning_rates", rates, "numbers above 0")
        require(bool(decays) and all(d >= 0 for d in decays), "weight_decays", decays, "numbers not below 0")
        require(self.max_epochs >= 1, "max_epochs", self.max_epochs, "at least 1")
        require(self.patience is None or self.patience >= 1, "patience", self.patience, "at least 1, or None")
        require(self.batch_size >= 1, "batch_size", self.batch_size, "at least 1")
        if self.dtype not in DTYPES:
            raise unknown_name("dtype", self.dtype, DTYPES)

    def fit(self, X: ArrayLike, y: ArrayLike, *, validation: tuple[Array, Array] | None = None) -> Self:
        """Train the grid on training rows and keep what does best on validation rows.

        Parameters
        ----------
        X, y
            Shapes (n, d) and (n,), n at least 2.
        validation
            Inputs and targets to stop and choose on, never trained on; None holds out a seeded part of the
            training rows.

        Raises
        ------
        ValueError
            If an input is not finite or shapes disagree.
        UsageError
            If a parameter is out of range, or there is no such device.
        """
        settings = self._settings()
        task = self._task(self._read(X, y), validation, draw_seed(self.random_state))
        self._take(_train_sweep([task], settings, "MLP sweep")[0])
        return self

    def _fit_many(self, problems: Sequence[Problem], description: str) -> list[Self]:
        settings = self._settings()
        heads: list[Self] = [seeded(self, p.random_state) for p in problems]
        tasks = [
            head._task(head._read(p.X, p.y), p.validation, p.random_state)
            for head, p in zip(heads, problems, strict=True)
        ]
        for head, winner in zip(heads, _train_sweep(tasks, settings, description), strict=True):
            head._take(winner)
        return heads

    def _settings(self) -> Settings:
        """Return the parameters as the sweep takes them."""
        from embedreg.heads._sweep import Settings, training_dtype

        self.refuse_wrong_parameters()
        hidden, rates, decays = tuple(self.hidden), tuple(self.learning_rates), tuple(self.weight_decays)
        dtype = self.dtype
        if dtype == "auto":
            dtype = training_dtype(hidden, self.batch_size, self.device)
        return Settings(
            hidden, rates, decays, self.max_epochs, self.patience, self.batch_size, self.device, dtype
        )

    def _task(self, rows: Rows, validation: tuple[Array, Array] | None, seed: int) -> Task:
        from embedreg.heads._sweep import Task

        train, held_out = self._train_and_validation(
            rows, validation, fraction=self.validation_fraction, seed=seed
        )
        return Task(train, held_out, seed)

    def _take(self, winner: Winner) -> None:
        self.layers_ = winner.layers
        self.chosen_: dict[str, Any] = {
            "learning_rate": winner.learning_rate,
            "weight_decay": winner.weight_decay,
            "epoch": winner.epoch,
            "validation_mse": winner.validation_mse,
        }

    def _predict_standardized(self, Z: NDArray[np.float64]) -> NDArray[np.float64]:
        for weights, biases in self.layers_[
            :-1
        ]:  # in float64, so that a row's prediction does not hang on the others
            Z = np.maximum(Z @ weights.astype(np.float64) + biases, 0.0)
        weights, biases = self.layers_[-1]
        return np.asarray((Z @ weights.astype(np.float64) + biases)[:, 0])

    def _arrays(self) -> dict[str, NDArray[Any]]:
        arrays: dict[str, NDArray[Any]] = {}
        for depth, (weights, biases) in enumerate(self.layers_):
            arrays |= {f"weights_{depth}": weights, f"biases_{depth}": biases}
        return arrays

    def _restore(self, state: SavedState) -> None:
        depth = len(self.hidden) + 1
        self.layers_ = [(state.arrays[f"weights_{i}"], state.arrays[f"biases_{i}"]) for i in range(depth)]


def _train_sweep(tasks: list[Task], settings: Settings, description: str) -> list[Winner]:
    from embedreg.heads._sweep import train_sweep

    return train_sweep(tasks, settings, description)
