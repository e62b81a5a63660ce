"""What products are computed in."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch


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
with tensor_float32(allowed=True):
    assert matmul.fp32_precision == "tf32"
    with tensor_float32(allowed=False):
        assert matmul.fp32_precision == "ieee"
assert matmul.fp32_precision == before
"""
    if not hasattr(torch.backends.cuda.matmul, "fp32_precision"):
        pytest.skip("torch before 2.9 has one way only")
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True)
