"""Seconds and memory of Lipschitz factors to nearest neighbours, ours beside those of scikit-learn's neighbours.

scikit-learn's nearest neighbour by brute force is of the same kind, blocks of a matrix product, and gets float32; ours is exact in
float64, ties and equal points included. The largest size is run once by ours alone, for its memory beside the points and the targets.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from benchmarks.speed._options import Found, Options, Row
from benchmarks.speed._timing import in_turn, seconds
from embedreg.smoothness import lipschitz_factors

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHAPES = ((2_000, 384), (20_000, 768))
LARGEST = (100_000, 768)
_QUICK = (((30, 4), (50, 8)), (100, 8))
_MIB = 2**20


def measure(options: Options) -> Found:
    shapes, largest = options.size((SHAPES, LARGEST), _QUICK)
    rows: list[Row] = []
    for n, d in shapes:
        points, y = make_points(n, d)
        calls = {
            "embedreg": functools.partial(lipschitz_factors, points, y),
            "scikit-learn NearestNeighbors": functools.partial(theirs, points, y),
        }
        agree = bool(np.allclose(lipschitz_factors(points, y), theirs(points, y), rtol=1e-3))
        for name, found in in_turn(calls, options.pairs).items():
            rows.append({"n": n, "d": d, "method": name, "seconds": found, "agree": agree})
            print(f"smoothness n={n} d={d}: {name}: {min(found):.3f} s, same factors: {agree}", flush=True)
    return Found([*rows, _of_largest(*largest)])


def _resident(*, greatest: bool = False) -> int:
    """Return the KiB of memory that this process holds, or has held at most since it was last asked what it holds; 0 where the system does not say."""
    place = Path("/proc/self")
    if not (place / "status").is_file():
        return 0
    if not greatest:
        (place / "clear_refs").write_text("5", encoding="ascii")  # the greatest from now on
    key = "VmHWM:" if greatest else "VmRSS:"
    lines = (place / "status").read_text(encoding="utf-8").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(key)))


def theirs(points: NDArray[np.float32], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each point's factor to its nearest neighbour, where no points are equal and no neighbours tied."""
    scaled = StandardScaler().fit_transform(points) / np.float32(np.sqrt(points.shape[1]))
    distances, places = NearestNeighbors(n_neighbors=2, algorithm="brute").fit(scaled).kneighbors(scaled)
    return np.asarray(np.abs(y - y[places[:, 1]]) / distances[:, 1])


def make_points(n: int, d: int, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Draw points (n, d) that vary in few directions much, as embeddings do, and targets (n,)."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(n, 16)).astype(np.float32)
    spread = rng.normal(size=(16, d)).astype(np.float32)
    points = hidden @ spread + 0.1 * rng.normal(size=(n, d)).astype(np.float32)
    return points, hidden[:, 0] + 0.1 * rng.normal(size=n)


def _of_largest(n: int, d: int) -> Row:
    points, y = make_points(n, d)
    before = _resident()
    taken = seconds(lambda: lipschitz_factors(points, y))
    peak = (_resident(greatest=True) - before) / 2**10
    points_take = points.nbytes / _MIB
    print(f"smoothness n={n} d={d}: {taken:.1f} s, {peak:.0f} MiB beside {points_take:.0f} MiB", flush=True)
    return {
        "n": n,
        "d": d,
        "method": "embedreg",
        "seconds": [round(taken, 3)],
        "peak_mib": round(peak, 1),
        "points_mib": round(points_take, 1),
    }
