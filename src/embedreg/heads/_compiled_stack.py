"""Multilayer perceptrons that compiled code trains, on processors (`_kernels.c`): what `MLPStack` does, faster.

Where the package was installed without a compiler, or on another processor, `compiled_steps_work` is False, and torch does it.
"""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING, Any, Final

import torch

from embedreg.heads._stack import BETAS, EPSILON, Minibatches, MLPStack, initial_parameters, layers_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from embedreg.heads._stack import Layers

_kernels: Any
try:
    from embedreg.heads import _kernels
except ImportError:  # installed without a compiler
    _kernels = None

_PANEL: Final = 16  # outputs whose weights stand together
_MOST_ROWS: Final = 512  # a step; of more, products are nearly all of it, and torch's are good
_TRIED: Final = (21, 40, 5, 1)  # widths that fill no panel
_NEAR: Final = 1e-4  # by which two right ways may differ after a few steps of a hundredth


def compiled_steps_suit(device: torch.device, dtype: torch.dtype, rows: int) -> bool:
    """Return whether compiled code trains models there, in that precision, by steps of so many rows, and faster."""
    return device.type == "cpu" and dtype == torch.float32 and rows <= _MOST_ROWS and compiled_steps_work()


@functools.cache
def compiled_steps_work() -> bool:
    """Return whether compiled steps work on this processor, and give what torch gives."""
    if _kernels is None or not _kernels.lanes():
        return False
    generator = torch.Generator().manual_seed(0)
    initial = initial_parameters(_TRIED, generator)[None]
    x, y = (torch.rand(40, d, generator=generator, dtype=torch.float32) for d in (_TRIED[0], 1))
    which = torch.arange(40).view(1, 2, 20)
    batches = Minibatches(x, y, which, torch.full_like(y, 0.05).view(1, 2, 20, 1))
    found, wanted = (kind(initial.clone(), _TRIED, [(1e-2, 0.1)]) for kind in (CompiledStack, MLPStack))
    for stack in (found, wanted):
        stack.learn(batches)
        stack.learn(batches)
    return bool((found.predict(x[None]) - wanted.predict(x[None])).abs().max() <= _NEAR)


class CompiledStack:
    """Models in training on a processor in float32, with AdamW of each one's own rate and decay.

    Parameters
    ----------
    parameters
        Shape (m, size), as `initial_parameters` has them.
    widths
        Layer widths, input and output included.
    rates
        Learning rate and weight decay of each model.

    Attributes
    ----------
    parameters
        Shape (m, another size): weights stand in panels of 16 outputs; `layers_of` tells them apart.
    """

    def __init__(
        self, parameters: Tensor, widths: Sequence[int], rates: Sequence[tuple[float, float]]
    ) -> None:
        self._widths = tuple(widths)
        self._places = torch.tensor(self._widths, device="cpu")
        self._rates = list(rates)
        self.parameters = self._in_panels(parameters)
        self._moments = torch.zeros_like(self.parameters), torch.zeros_like(self.parameters)
        self._steps = 0
        self._lanes = _kernels.lanes()

    def keep(self, models: Tensor) -> None:
        """Let the other models go; `models` holds positions, ascending."""
        self.parameters = self.parameters[models]
        self._moments = self._moments[0][models], self._moments[1][models]
        self._rates = [self._rates[i] for i in models.tolist()]

    def learn(self, batches: Minibatches) -> None:
        """Take a step on each minibatch."""
        x, y, rows, weights = (part.contiguous() for part in batches)
        _check(x, y, weights, dtype=torch.float32)
        _check(rows, dtype=torch.int64)
        _, steps, count = rows.shape
        for model, (rate, decay) in enumerate(self._rates):
            own = min(model, len(rows) - 1)
            _kernels.learn(
                self._lanes,
                self.parameters[model].data_ptr(),
                *(moments[model].data_ptr() for moments in self._moments),
                self._places.data_ptr(),
                len(self._widths) - 1,
                x.data_ptr(),
                y.data_ptr(),
                rows[own].data_ptr(),
                weights[own].data_ptr(),
                steps,
                count,
                self._steps,
                rate,
                decay,
                *BETAS,
                EPSILON,
            )
        self._steps += steps

    def predict(self, x: Tensor) -> Tensor:
        """Return predictions (m, b, 1) for x (m, b, d)."""
        _check(x, dtype=torch.float32)
        found = x.new_empty(*x.shape[:2], 1)
        for model, given in enumerate(x):
            rows = given.contiguous()
            out, parameters = found[model].data_ptr(), self.parameters[model].data_ptr()
            layers = len(self._widths) - 1
            _kernels.predict(
                self._lanes, out, parameters, self._places.data_ptr(), layers, rows.data_ptr(), len(rows)
            )
        return found

    def layers_of(self, parameters: Tensor) -> Layers:
        """Return copies of parameters like this stack's as weights and biases, layer by layer."""
        return [
            (
                weights.transpose(1, 2).flatten(2)[..., :outputs].contiguous(),
                biases[:, None, :outputs].contiguous(),
            )
            for (weights, biases), outputs in zip(self._views(parameters), self._widths[1:], strict=True)
        ]

    def _in_panels(self, parameters: Tensor) -> Tensor:
        """Return the same weights as they stand here."""
        size = sum((i + 1) * _filled_up(o) for i, o in itertools.pairwise(self._widths))
        found = torch.zeros(len(parameters), size, dtype=torch.float32, device="cpu")
        given = layers_of(parameters, self._widths)
        for (weights, biases), (to, biases_to) in zip(given, self._views(found), strict=True):
            m, inputs, outputs = weights.shape
            filled = weights.new_zeros(m, inputs, _filled_up(outputs))
            filled[..., :outputs] = weights
            to.copy_(filled.view(m, inputs, -1, _PANEL).transpose(1, 2))
            biases_to[:, :outputs] = biases[:, 0]
        return found

    def _views(self, parameters: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield each layer's weights (m, panels, inputs, 16) and biases (m, 16 times panels)."""
        start = 0
        for inputs, outputs in itertools.pairwise(self._widths):
            filled = _filled_up(outputs)
            middle, end = start + inputs * filled, start + (inputs + 1) * filled
            weights = parameters[:, start:middle].view(len(parameters), -1, inputs, _PANEL)
            yield weights, parameters[:, middle:end]
            start = end


def _filled_up(outputs: int) -> int:
    return -(-outputs // _PANEL) * _PANEL


def _check(*tensors: Tensor, dtype: torch.dtype) -> None:
    """Refuse what compiled code, which sees addresses alone, would read wrongly."""
    for tensor in tensors:
        if tensor.dtype != dtype or tensor.device.type != "cpu":
            raise ValueError(f"got {tensor.dtype} on {tensor.device}, expected {dtype} on a processor")
