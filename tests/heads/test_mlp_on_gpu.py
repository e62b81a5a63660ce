"""What a GPU computes is what a processor computes. These run where torch finds a CUDA GPU, and are skipped elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from embedreg.heads import MLPHead, Problem, fit_many

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_sweep_over_many_tasks(dtype):
    rng = np.random.default_rng(0)
    problems = []
    for seed in range(4):
        X = rng.normal(size=(120 + 8 * seed, 6))
        y = X[:, 0] * X[:, 1] + np.sin(X[:, 2]) + 0.1 * rng.normal(size=len(X))
        problems.append(Problem(X[:100], y[:100], validation=(X[100:], y[100:]), random_state=seed))
    settings = {"hidden": (32, 32), "max_epochs": 40, "patience": 8}

    there = fit_many(MLPHead(device="cuda", dtype=dtype, **settings), problems)
    here = fit_many(MLPHead(**settings), problems)

    for a, b in zip(there, here, strict=True):
        if dtype == "float32":
            assert (a.chosen_["learning_rate"], a.chosen_["weight_decay"]) == (
                b.chosen_["learning_rate"],
                b.chosen_["weight_decay"],
            )
        assert a.chosen_["validation_mse"] == pytest.approx(b.chosen_["validation_mse"], rel=0.1)
