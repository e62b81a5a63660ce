"""A sweep's steps as a GPU would take them, where there is none: `test_mlp_on_gpu.py` compares numbers, on a GPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from imagined_gpu import imagined_gpu, where_one_can_be_imagined

from embedreg.heads._base import Rows
from embedreg.heads._stack import MLPStack, parameter_count
from embedreg.heads._sweep import Task, _Data

pytestmark = where_one_can_be_imagined
WIDTHS = (6, 32, 32, 1)
RATES = [(0.01, 0.0), (0.01, 0.0), (0.001, 0.1)]


def rows(n):
    return Rows(np.ones((n, 6), dtype=np.float32), np.ones(n, dtype=np.float32))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_epochs_wait_for_no_number(dtype):
    tasks = [Task(rows(40 + 3 * seed), rows(20), seed) for seed in range(3)]
    with imagined_gpu() as gpu, torch.no_grad():
        data = _Data(tasks, 8, (46, 20), gpu, dtype)
        stack = MLPStack(torch.zeros(3, parameter_count(WIDTHS), device=gpu), WIDTHS, RATES, dtype)
        chosen = torch.arange(3, device=gpu)

        stack.learn(data.epoch(chosen))
        x, _, _ = data.validation(chosen)
        predicted = stack.predict(x)

        assert (predicted.device, predicted.dtype, tuple(predicted.shape)) == (gpu, torch.float32, (3, 20, 1))
