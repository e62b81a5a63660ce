"""What a GPU computes is what a processor computes. These run where torch finds a CUDA GPU, and are skipped elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from embedreg.smoothness import nlfd

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")


@pytest.mark.parametrize("copies", [1, 2])
def test_lipschitz_factors(copies):
    rng = np.random.default_rng(1)
    points = np.repeat(rng.normal(size=(300, 20)), copies, axis=0)
    points[:40] = np.round(points[:40])  # ties
    y = rng.normal(size=len(points))

    found, expected = (nlfd(points, y, device=device) for device in ("cuda", "cpu"))

    np.testing.assert_allclose(found.factors, expected.factors, rtol=1e-9)

    assert found.repeated == expected.repeated
