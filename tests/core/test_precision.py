"""What products are computed in."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from embedreg.core.precision import tensor_float32


@pytest.mark.parametrize(
    "setting",
    [
        "pass",
        "torch.backends.cuda.matmul.fp32_precision = 'tf32'",
        "torch.set_float32_matmul_precision('high')",
    ],
)
def test_tensor_float32_is_as_it_was_afterwards_whoever_set_it_and_how(setting):
    """In a process of its own, as torch refuses to say it in the old way once it was set in the new one."""
    script = f"""
import torch
from embedreg.core.precision import tensor_float32
matmul = torch.backends.cuda.matmul
{setting}
before = matmul.fp32_precision
with tensor_float32():
    assert matmul.fp32_precision == "tf32"
    with tensor_float32():
        pass
    assert matmul.fp32_precision == "tf32"
assert matmul.fp32_precision == before
"""
    if not hasattr(torch.backends.cuda.matmul, "fp32_precision"):
        pytest.skip("torch before 2.9 has one way only")
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True)


def test_tensor_float32_of_two_threads_ends_with_the_last():
    if not hasattr(torch.backends.cuda.matmul, "fp32_precision"):
        pytest.skip("torch before 2.9 has another name for it")
    before = torch.backends.cuda.matmul.fp32_precision
    first, second = tensor_float32(), tensor_float32()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)  # in another order than they began
    assert torch.backends.cuda.matmul.fp32_precision == "tf32"
    second.__exit__(None, None, None)
    assert torch.backends.cuda.matmul.fp32_precision == before
