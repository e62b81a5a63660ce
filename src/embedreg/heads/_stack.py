"""Many multilayer perceptrons of one shape, trained side by side: model i is row i of every tensor."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Final

import torch

from embedreg.core.devices import on_processor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    Layers = list[tuple[Tensor, Tensor]]  # weights (m, inputs, outputs) and biases (m, 1, outputs)

_BETAS: Final = (0.9, 0.999)
_EPSILON: Final = 1e-8
_ALIGNMENT: Final = (
    16  # numbers in a cache line: products with matrices that begin elsewhere take a third longer
)


def parameter_count(widths: Sequence[int]) -> int:
    """Return how many numbers hold a perceptron with these layer widths, input and output included, and padding."""
    return sum(end - start for start, _, end in _places(widths))


def initial_parameters(widths: Sequence[int], generator: torch.Generator) -> Tensor:
    """Return one model's parameters (size,): uniform within 1 / sqrt(inputs), as in `torch.nn.Linear`."""
    parameters = torch.zeros(parameter_count(widths))
    for (weights, biases), inputs in zip(layers_of(parameters[None], widths), widths[:-1], strict=True):
        drawn = (torch.rand(weights.numel() + biases.numel(), generator=generator) * 2 - 1) / inputs**0.5
        weights.view(-1).copy_(drawn[: weights.numel()])
        biases.view(-1).copy_(drawn[weights.numel() :])
    return parameters


def layers_of(parameters: Tensor, widths: Sequence[int]) -> Layers:
    """Return views of the parameters (m, size) as weights and biases, layer by layer."""
    layers = []
    for (inputs, outputs), (start, middle, _) in zip(
        itertools.pairwise(widths), _places(widths), strict=True
    ):
        weights = parameters[:, start : start + inputs * outputs].view(-1, inputs, outputs)
        layers.append((weights, parameters[:, middle : middle + outputs].unsqueeze(1)))
    return layers


def _places(widths: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Yield where each layer's weights begin, where its biases begin, and where the next layer does."""
    end = 0
    for inputs, outputs in itertools.pairwise(widths):
        start, middle = end, end + _aligned(inputs * outputs)
        end = middle + _aligned(outputs)
        yield start, middle, end


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def forward(layers: Layers, x: Tensor, outputs: Sequence[Tensor | None] | None = None) -> list[Tensor]:
    """Return the input x (m, b, d), each hidden layer's output, and the prediction (m, b, 1).

    The outputs are written into `outputs`, one a layer, where they are given.
    """
    activations = [x]
    for (weights, biases), output in zip(layers, outputs or [None] * len(layers), strict=True):
        if len(activations) > 1:
            activations[-1].relu_()
        activations.append(torch.baddbmm(biases, activations[-1], weights, out=output))
    return activations


def backward(
    layers: Layers, activations: list[Tensor], error: Tensor, gradients: Layers, errors: Sequence[Tensor]
) -> None:
    """Write the loss's gradients into `gradients`, given its derivative by the prediction, `error` (m, b, 1).

    Written out because it fills preallocated matrices; autograd allocates, adds up and keeps a graph at every
    step. Uses up the activations; `errors` has room for the derivative by each hidden layer's output.
    """
    for depth in reversed(range(len(layers))):
        inputs = activations[depth]
        by_weights, by_biases = gradients[depth]
        torch.bmm(inputs.mT, error, out=by_weights)
        torch.sum(error, dim=1, keepdim=True, out=by_biases)
        if depth:
            transposed = layers[depth][0].mT
            multiply = torch.mul if transposed.shape[1] == 1 else torch.bmm  # bmm is slow at outer products
            error = multiply(error, transposed, out=errors[depth - 1])
            error.mul_(inputs.sign_())  # ReLU's derivative, from its output


class MLPStack:
    """Models in training, with AdamW (Loshchilov and Hutter, 2019) of each one's own rate and decay.

    Parameters
    ----------
    parameters
        Shape (m, size); changed in place by training.
    widths
        Layer widths, input and output included.
    rates
        Learning rate and weight decay of each model. On a processor, models that share both are best given in a row:
        they share one call of the optimiser.
    """

    def __init__(
        self, parameters: Tensor, widths: Sequence[int], rates: Sequence[tuple[float, float]]
    ) -> None:
        self.parameters = parameters
        self._widths = tuple(widths)
        self._rates = list(rates)
        self._run_by_run = on_processor(parameters.device)
        self._moments = torch.zeros_like(parameters), torch.zeros_like(parameters)
        self._gradients = torch.zeros_like(parameters)  # padding has none
        self._steps = torch.zeros(())
        self._view()

    def keep(self, models: Tensor) -> None:
        """Let the other models go; `models` holds positions, ascending."""
        self.parameters = self.parameters[models]
        self._moments = self._moments[0][models], self._moments[1][models]
        self._gradients = self._gradients[: len(models)]
        self._rates = [self._rates[i] for i in models.tolist()]
        self._view()

    def _view(self) -> None:
        self._outputs: list[Tensor] = []
        self._layers = layers_of(self.parameters, self._widths)
        self._gradient_layers = layers_of(self._gradients, self._widths)
        self._each = (
            torch.tensor(self._rates, device=self.parameters.device).view(-1, 2, 1).unbind(1)
        )  # (m, 1) each

    def predict(self, x: Tensor) -> Tensor:
        """Return predictions (m, b, 1) for x (m, b, d)."""
        return forward(self._layers, x)[-1]

    def step(self, x: Tensor, y: Tensor, weight: Tensor) -> None:
        """Take one step on x (m, b, d) and y (m or 1, b, 1), with weights (m or 1, b, 1) of the squared errors."""
        if not self._outputs or self._outputs[0].shape[1] != x.shape[1]:
            self._outputs = [torch.empty(*x.shape[:2], width, device=x.device) for width in self._widths[1:]]
            self._errors = [torch.empty_like(output) for output in self._outputs[:-1]]
        activations = forward(self._layers, x, self._outputs)
        error = activations[-1].sub_(y).mul_(weight).mul_(2.0)  # of the weighted sum of squares
        backward(self._layers, activations, error, self._gradient_layers, self._errors)
        self._steps += 1
        if self._run_by_run:
            self._update_runs()
        else:
            self._update_all()

    def _update_all(self) -> None:
        """Update all models together by AdamW: few steps over large tensors, as a GPU wants them."""
        learning_rate, weight_decay = self._each
        first, second = self._moments
        step = int(self._steps)
        first.lerp_(self._gradients, 1 - _BETAS[0])
        second.mul_(_BETAS[1]).addcmul_(self._gradients, self._gradients, value=1 - _BETAS[1])
        change = second.sqrt().div_(math.sqrt(1 - _BETAS[1] ** step)).add_(_EPSILON).reciprocal_().mul_(first)
        self.parameters.mul_(1 - learning_rate * weight_decay)
        self.parameters.sub_(change.mul_(learning_rate / (1 - _BETAS[0] ** step)))

    def _update_runs(self) -> None:
        """Update models in runs of equal rates, each in one pass over its numbers, as a processor wants them."""
        start = 0
        for (learning_rate, weight_decay), run in itertools.groupby(self._rates):
            stop = start + len(list(run))
            self._adamw(slice(start, stop), learning_rate, weight_decay)
            start = stop

    def _adamw(self, models: slice, learning_rate: float, weight_decay: float) -> None:
        """Update models of one learning rate and weight decay in one fused pass."""
        torch._fused_adamw_(  # what torch.optim.AdamW(fused=True) calls, without what that does at each step
            [self.parameters[models]],
            [self._gradients[models]],
            [self._moments[0][models]],
            [self._moments[1][models]],
            [],
            [self._steps],
            lr=learning_rate,
            beta1=_BETAS[0],
            beta2=_BETAS[1],
            weight_decay=weight_decay,
            eps=_EPSILON,
            amsgrad=False,
            maximize=False,
        )
