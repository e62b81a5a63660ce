"""Compiled from `_kernels.c`, where a compiler is; pointers are `Tensor.data_ptr()`, and nothing is checked."""

def lanes() -> int:
    """Return how many numbers a vector of this processor holds, 16 or 8; 0 where there are no such vectors."""

def learn(
    lanes: int,
    parameters: int,
    first: int,
    second: int,
    widths: int,
    layers: int,
    x: int,
    y: int,
    which: int,
    weights: int,
    steps: int,
    rows: int,
    done: int,
    rate: float,
    decay: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    /,
) -> None:
    """Train a model by so many steps, after those that are `done`.

    Parameters
    ----------
    parameters, first, second
        Weights and biases, their moments: a layer's weights in panels (outputs / 16, inputs, 16), then its biases, outputs being
        filled up to a multiple of 16.
    widths
        Of int64, input and output included.
    x, y
        Rows to learn from.
    which, weights
        Each step's rows of x and y, of int64, and their weights, (steps, rows) each.
    """

def predict(lanes: int, out: int, parameters: int, widths: int, layers: int, x: int, rows: int, /) -> None:
    """Write a model's predictions (rows,) for x (rows, inputs)."""
