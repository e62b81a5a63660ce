"""Many multilayer perceptrons of one shape, trained side by side: model i is row i of every tensor."""

from __future__ import annotations

import functools
import itertools
import math
from typing import TYPE_CHECKING, Final, NamedTuple

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    Layers = list[tuple[Tensor, Tensor]]  # weights (m, inputs, outputs) and biases (m, 1, outputs)

BETAS: Final = (0.9, 0.999)
EPSILON: Final = 1e-8
_FUSED: Final = ("cpu", "cuda")  # devices on which torch updates in one pass
_ALIGNMENT: Final = 16  # numbers, a cache line: products with matrices elsewhere take a third longer


def parameter_count(widths: Sequence[int]) -> int:
    """Return how many numbers hold a perceptron with these layer widths, input and output included, and padding."""
    return sum(end - start for start, _, end in _places(widths))


def initial_parameters(widths: Sequence[int], generator: torch.Generator) -> Tensor:
    """Return one model's parameters (size,): uniform within 1 / sqrt(inputs), as in `torch.nn.Linear`."""
    parameters = torch.zeros(parameter_count(widths), dtype=torch.float32)  # whatever the default is just now
    for (weights, biases), inputs in zip(layers_of(parameters[None], widths), widths[:-1], strict=True):
        numbers = weights.numel() + biases.numel()
        drawn = (torch.rand(numbers, generator=generator, dtype=torch.float32) * 2 - 1) / inputs**0.5
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

    The outputs are written into `outputs`, one a layer, where they are given. What a layer reads is returned in that
    layer's precision.
    """
    activations = [x]
    for (weights, biases), output in zip(layers, outputs or [None] * len(layers), strict=True):
        if len(activations) > 1:
            activations[-1].relu_()
        activations[-1] = _in_precision(activations[-1], weights.dtype)
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
        error = _in_precision(error, inputs.dtype)
        torch.bmm(inputs.mT, error, out=by_weights)
        torch.sum(error, dim=1, keepdim=True, out=by_biases)
        if depth:
            transposed = layers[depth][0].mT
            multiply = torch.mul if transposed.shape[1] == 1 else torch.bmm  # bmm is slow at outer products
            error = multiply(error, transposed, out=errors[depth - 1])
            error.mul_(inputs.sign_())  # ReLU's derivative, from its output


def _in_precision(numbers: Tensor, dtype: torch.dtype) -> Tensor:
    return numbers if numbers.dtype == dtype else numbers.to(dtype)


def _lowered(layers: Layers, dtype: torch.dtype) -> Layers:
    """Return copies of the hidden layers in that precision, each of them dense, as its products want them."""
    copies = [
        (weights.to(dtype).contiguous(), biases.to(dtype).contiguous()) for weights, biases in layers[:-1]
    ]
    return [*copies, layers[-1]]


def _copy(layers: Layers, to: Layers) -> None:
    """Copy hidden layers into those of another precision."""
    for source, target in zip(layers[:-1], to[:-1], strict=True):
        for numbers, place in zip(source, target, strict=True):
            place.copy_(numbers)


class Minibatches(NamedTuple):
    """An epoch's rows, step by step, for some models, or for all alike."""

    x: Tensor  # (n, d)
    y: Tensor  # (n, 1)
    rows: Tensor  # (m or 1, steps, b): positions in x and y
    weights: Tensor  # (m or 1, steps, b, 1), of the squared errors


class _Run(NamedTuple):
    """Models in a row that share their rates: their numbers, each in a list as torch's fused optimiser takes it."""

    parameters: list[Tensor]
    gradients: list[Tensor]
    first_moments: list[Tensor]
    second_moments: list[Tensor]
    learning_rate: float
    weight_decay: float

    def update(self, steps: Tensor) -> None:
        """Take a step of AdamW in one fused pass."""
        torch._fused_adamw_(  # what torch.optim.AdamW(fused=True) calls, without what that does at each step
            self.parameters,
            self.gradients,
            self.first_moments,
            self.second_moments,
            [],
            [steps],
            lr=self.learning_rate,
            beta1=BETAS[0],
            beta2=BETAS[1],
            weight_decay=self.weight_decay,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
        )


class MLPStack:
    """Models in training, with AdamW (Loshchilov and Hutter, 2019) of each one's own rate and decay.

    Parameters
    ----------
    parameters
        Shape (m, size); changed in place by training.
    widths
        Layer widths, input and output included.
    rates
        Learning rate and weight decay of each model. Models that share both are best given in a row: they share one
        call of the optimiser.
    dtype
        Of the hidden layers' products in a step, and of the x it takes. The last layer, AdamW and `predict` are in
        float32 all the same (mixed precision: Micikevicius et al., 2018; bfloat16 needs no scaling of the loss).
    """

    def __init__(
        self,
        parameters: Tensor,
        widths: Sequence[int],
        rates: Sequence[tuple[float, float]],
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.parameters = parameters
        self._dtype = dtype
        self._widths = tuple(widths)
        self._rates = list(rates)
        self._run_by_run = parameters.device.type in _FUSED
        self._moments = torch.zeros_like(parameters), torch.zeros_like(parameters)
        self._gradients = torch.zeros_like(parameters)  # padding has none
        self._steps = torch.zeros((), device=parameters.device)
        self._one = torch.ones_like(self._steps)
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
        if self._dtype == torch.float32:
            self._lower = self._layers, self._gradient_layers
        else:
            self._lower = _lowered(self._layers, self._dtype), _lowered(self._gradient_layers, self._dtype)
        self._each = (
            torch.tensor(self._rates, device=self.parameters.device).view(-1, 2, 1).unbind(1)
        )  # (m, 1) each
        self._runs = [*self._of_equal_rates()] if self._run_by_run else []

    def _of_equal_rates(self) -> Iterator[_Run]:
        """Yield runs of models of equal rates; they are cut out once, as what one cut takes is felt at every step."""
        start = 0
        for (learning_rate, weight_decay), run in itertools.groupby(self._rates):
            stop = start + len(list(run))
            first, second = self._moments
            yield _Run(
                [self.parameters[start:stop]],
                [self._gradients[start:stop]],
                [first[start:stop]],
                [second[start:stop]],
                learning_rate,
                weight_decay,
            )
            start = stop

    def predict(self, x: Tensor) -> Tensor:
        """Return predictions (m, b, 1) for x (m, b, d)."""
        return forward(self._layers, x)[-1]

    def layers_of(self, parameters: Tensor) -> Layers:
        """Return views of parameters like this stack's as weights and biases, layer by layer."""
        return layers_of(parameters, self._widths)

    def learn(self, batches: Minibatches) -> None:
        """Take a step on each minibatch."""
        x, y = batches.x, batches.y
        rows = batches.rows.movedim(1, 0).flatten(1)  # (steps, m or 1 times b)
        targets = y.index_select(0, rows.flatten()).view(len(rows), len(batches.rows), -1, 1)
        shape = len(batches.rows), -1, x.shape[1]
        steps = zip(rows.unbind(), targets.unbind(), batches.weights.unbind(1), strict=True)
        for index, target, weight in steps:
            inputs = x.index_select(0, index).view(shape)
            self.step(inputs.expand(len(self.parameters), -1, -1), target, weight)

    def step(self, x: Tensor, y: Tensor, weight: Tensor) -> None:
        """Take one step on x (m, b, d) and y (m or 1, b, 1), with weights (m or 1, b, 1) of the squared errors."""
        layers, gradients = self._lower
        if not self._outputs or self._outputs[0].shape[1] != x.shape[1]:
            self._make_room(x.shape[1])
        activations = forward(layers, x, self._outputs)
        error = activations[-1].sub_(y).mul_(weight)
        error.add_(error)  # twice that is the derivative of the weighted sum of squares
        backward(layers, activations, error, gradients, self._errors)
        if layers is not self._layers:
            _copy(gradients, self._gradient_layers)
        self._steps.add_(self._one)
        if self._run_by_run:
            for run in self._runs:
                run.update(self._steps)
        else:
            self._update_all()
        if layers is not self._layers:
            _copy(self._layers, layers)

    def _make_room(self, rows: int) -> None:
        """Allocate the layers' outputs, and the derivatives by the hidden ones, each in its layer's precision."""
        widths, dtypes = self._widths[1:], [weights.dtype for weights, _ in self._lower[0]]
        empty = functools.partial(torch.empty, device=self.parameters.device)
        shape = len(self.parameters), rows
        self._outputs = [empty(*shape, w, dtype=dtype) for w, dtype in zip(widths, dtypes, strict=True)]
        above = zip(widths[:-1], dtypes[1:], strict=True)  # a derivative is the next layer's product
        self._errors = [empty(*shape, w, dtype=dtype) for w, dtype in above]

    def _update_all(self) -> None:
        """Update all models together by AdamW, in several passes over their numbers, where torch has no fused one."""
        learning_rate, weight_decay = self._each
        first, second = self._moments
        step = int(self._steps)
        first.lerp_(self._gradients, 1 - BETAS[0])
        second.mul_(BETAS[1]).addcmul_(self._gradients, self._gradients, value=1 - BETAS[1])
        change = second.sqrt().div_(math.sqrt(1 - BETAS[1] ** step)).add_(EPSILON).reciprocal_().mul_(first)
        self.parameters.mul_(1 - learning_rate * weight_decay)
        self.parameters.sub_(change.mul_(learning_rate / (1 - BETAS[0] ** step)))
