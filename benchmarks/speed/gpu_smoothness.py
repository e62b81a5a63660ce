"""Seconds of Lipschitz factors with a GPU, beside the processor of the same machine and a loop of `torch.cdist` on the GPU."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
import torch

from benchmarks.speed._gpu import gpu, release
from benchmarks.speed._options import OURS, Found, Options, Row
from benchmarks.speed._timing import in_turn
from benchmarks.speed.smoothness import LARGEST, make_points
from embedreg.smoothness import lipschitz_factors

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLOCK = 2048


def measure(options: Options) -> Found:
    device = gpu(options)
    n, d = options.size(LARGEST, (100, 8))
    points, y = make_points(n, d)
    ours = functools.partial(lipschitz_factors, points, y, device=device)
    ways = {
        f"{OURS}, GPU": ours,
        "torch.cdist loop, GPU, float32": functools.partial(_cdist, points, y, device),
    }
    wanted = lipschitz_factors(points[:2000], y[:2000])
    agree = bool(np.allclose(lipschitz_factors(points[:2000], y[:2000], device=device), wanted, rtol=1e-9))
    for way in ways.values():
        way()  # the warm-up
    rows: list[Row] = [
        {"n": n, "d": d, "method": name, "seconds": taken}
        for name, taken in in_turn(ways, options.pairs).items()
    ]
    [alone] = in_turn({OURS: functools.partial(lipschitz_factors, points, y)}, 1).values()
    rows.append({"n": n, "d": d, "method": f"{OURS}, processor", "seconds": alone})
    for row in rows:
        print(
            f"smoothness n={n} d={d}: {row['method']}: {min(row['seconds']):.2f} s, agree: {agree}",
            flush=True,
        )
    release(device)
    return Found(rows, {}, {"agree": agree})


def _cdist(points: NDArray[np.float32], y: NDArray[np.float64], device: str) -> NDArray[np.float64]:
    """Return each point's factor to its nearest neighbour, as one would write it where no points are equal or tied."""
    scaled = (points - points.mean(axis=0)) / points.std(axis=0) / np.float32(np.sqrt(points.shape[1]))
    x, targets = torch.from_numpy(scaled).to(device), torch.from_numpy(y).to(device)
    found = []
    for start in range(0, len(x), _BLOCK):
        distances = torch.cdist(x[start : start + _BLOCK], x)
        distances.diagonal(start).fill_(torch.inf)
        least, nearest = distances.min(dim=1)
        found.append((targets[start : start + _BLOCK] - targets[nearest]).abs() / least)
    return np.asarray(torch.cat(found).cpu().numpy())
