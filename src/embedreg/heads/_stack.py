"""Many multilayer perceptrons of one shape, trained side by side: model i is row i of every tensor."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

import torch
from torch.optim.adamw import adamw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    Layers = list[tuple[Tensor, Tensor]]  # weights (m, inputs, outputs) and biases (m, 1, outputs)

_BETAS: Final = (0.9, 0.999)
_EPSILON: Final = 1e-8


def parameter_count(widths: Sequence[int]) -> int:
    """Return how many parameters a perceptron with these layer widths has, input and output included."""
    return sum((inputs + 1) * outputs for inputs, outputs in itertools.pairwise(widths))


def initial_parameters(widths: Sequence[int], generator: torch.Generator) -> Tensor:
    """Return one model's parameters (size,): uniform within 1 / sqrt(inputs), as in `torch.nn.Linear`."""
    parts = [
        (torch.rand((inputs + 1) * outputs, generator=generator) * 2 - 1) / inputs**0.5
        for inputs, outputs in itertools.pairwise(widths)
    ]
    return torch.cat(parts)


def layers_of(parameters: Tensor, widths: Sequence[int]) -> Layers:
    """Return views of the parameters (m, size) as weights and biases, layer by layer."""
    layers, start = [], 0
    for inputs, outputs in itertools.pairwise(widths):
        middle, end = start + inputs * outputs, start + (inputs + 1) * outputs
        weights = parameters[:, start:middle].view(-1, inputs, outputs)
        layers.append((weights, parameters[:, middle:end].unsqueeze(1)))
        start = end
    return layers


def forward(layers: Layers, x: Tensor) -> list[Tensor]:
    """Return the input x (m, b, d), each hidden layer's output, and the prediction (m, b, 1)."""
    activations = [x]
    for weights, biases in layers[:-1]:
        activations.append(torch.baddbmm(biases, activations[-1], weights).relu_())
    weights, biases = layers[-1]
    return [*activations, torch.baddbmm(biases, activations[-1], weights)]


def backward(layers: Layers, activations: list[Tensor], error: Tensor, gradients: Layers) -> None:
    """Write the loss's gradients into `gradients`, given its derivative by the prediction, `error` (m, b, 1).

    Written out because it fills one preallocated matrix; autograd allocates, adds up and keeps a graph at
    every step.
    """
    for depth in reversed(range(len(layers))):
        inputs = activations[depth]
        by_weights, by_biases = gradients[depth]
        torch.bmm(inputs.mT, error, out=by_weights)
        torch.sum(error, dim=1, keepdim=True, out=by_biases)
        if depth:
            error = torch.bmm(error, layers[depth][0].mT).mul_(
                inputs.sign()
            )  # ReLU's derivative, from its output


class MLPStack:
    """Models in training, with AdamW (Loshchilov and Hutter, 2019) of each one's own rate and decay.

    Parameters
    ----------
    parameters
        Shape (m, size); changed in place by training.
    widths
        Layer widths, input and output included.
    rates
        Learning rate and weight decay of each model. Models that share both are best given in a row: they
        share one call of the optimiser.
    """

    def __init__(
        self, parameters: Tensor, widths: Sequence[int], rates: Sequence[tuple[float, float]]
    ) -> None:
        self.parameters = parameters
        self._widths = tuple(widths)
        self._rates = list(rates)
        self._moments = torch.zeros_like(parameters), torch.zeros_like(parameters)
        self._gradients = torch.empty_like(parameters)
        self._steps = 0

    def keep(self, models: Tensor) -> None:
        """Let the other models go; `models` holds positions, ascending."""
        self.parameters = self.parameters[models]
        self._moments = self._moments[0][models], self._moments[1][models]
        self._gradients = self._gradients[: len(models)]
        self._rates = [self._rates[i] for i in models.tolist()]

    def predict(self, x: Tensor) -> Tensor:
        """Return predictions (m, b, 1) for x (m, b, d)."""
        return forward(layers_of(self.parameters, self._widths), x)[-1]

    def step(self, x: Tensor, y: Tensor, weight: Tensor) -> None:
        """Take one step on x (m, b, d) and y (m, b, 1), with weights (m, b, 1) of the squared errors."""
        layers = layers_of(self.parameters, self._widths)
        activations = forward(layers, x)
        error = (
            activations[-1].sub_(y).mul_(weight).mul_(2.0)
        )  # the derivative of the weighted sum of squares
        backward(layers, activations, error, layers_of(self._gradients, self._widths))
        start = 0
        for (learning_rate, weight_decay), run in itertools.groupby(self._rates):
            stop = start + len(list(run))
            self._adamw(slice(start, stop), learning_rate, weight_decay)
            start = stop
        self._steps += 1

    def _adamw(self, models: slice, learning_rate: float, weight_decay: float) -> None:
        """Update models of one learning rate and weight decay in one fused pass."""
        adamw(
            [self.parameters[models]],
            [self._gradients[models]],
            [self._moments[0][models]],
            [self._moments[1][models]],
            [],
            [torch.tensor(float(self._steps))],  # it counts this step itself
            fused=True,
            amsgrad=False,
            beta1=_BETAS[0],
            beta2=_BETAS[1],
            lr=learning_rate,
            weight_decay=weight_decay,
            eps=_EPSILON,
            maximize=False,
        )
