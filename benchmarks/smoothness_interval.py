"""How often do nominal 95% intervals of the smoothness gap hold the true one? Random halves against resampled factors."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from embedreg.smoothness import nlfd, smoothness_gap, smoothness_gap_interval

DATA_SETS = 200
TRUTH = 1000
RECORDS = 200
RESULTS = Path(__file__).parent / "results" / "smoothness_interval.json"


def sphere(_rng, x):
    return (x**2).sum(axis=1)


def noise(rng, x):
    return rng.normal(size=len(x))


def heavy_tail(rng, x):
    return np.exp(x[:, 0] + rng.normal(size=len(x)))


TARGETS = {"sphere": sphere, "noise": noise, "heavy tail": heavy_tail}


def draw(target, seed):
    """Return numbers, a curved image of them in 32 dimensions, and a target."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(RECORDS, 4))
    curved = np.sin(x @ np.random.default_rng(0).normal(size=(4, 32)))
    return x, curved, TARGETS[target](rng, x)


def gap(sample):
    x, curved, y = sample
    return smoothness_gap(nlfd(x, y), nlfd(curved, y))


def halves(sample, seed):
    found = smoothness_gap_interval(*sample, seed=seed)
    return found.low, found.high


def resampled_factors(sample, seed):
    """Take factors for independent: draw records with replacement, their factors as they are."""
    x, curved, y = sample
    trad, llm = nlfd(x, y).factors, nlfd(curved, y).factors
    drawn = np.random.default_rng(seed).integers(len(y), size=(1000, len(y)))
    a, b = trad[drawn], llm[drawn]
    gaps = (a.mean(axis=1) - b.mean(axis=1)) / np.hypot(a.std(axis=1), b.std(axis=1))
    return np.quantile(gaps, [0.025, 0.975])


def measure(target):
    truth = float(np.mean([gap(draw(target, 10_000 + i)) for i in range(TRUTH)]))
    samples = [draw(target, i) for i in range(DATA_SETS)]
    covered = {}
    for name, interval in {"halves": halves, "resampled factors": resampled_factors}.items():
        found = [interval(sample, i) for i, sample in enumerate(samples)]
        covered[name] = float(np.mean([low <= truth <= high for low, high in found]))
    return {
        "target": target,
        "records": RECORDS,
        "data_sets": DATA_SETS,
        "true_gap": truth,
        "covered": covered,
    }


def main():
    argparse.ArgumentParser(description=__doc__).parse_args()
    rows = [measure(target) for target in TARGETS]
    for row in rows:
        shares = ", ".join(f"{name} {share:.1%}" for name, share in row["covered"].items())
        print(f"{row['target']:<12} {shares}")
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
