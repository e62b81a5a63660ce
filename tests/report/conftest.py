"""Comparisons as the study would find them, made from a seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau

from embedreg.study.result import Comparison, Difference, Interval, MethodResult, SmoothnessResult

Make = Callable[..., Comparison]


@pytest.fixture
def make_comparison() -> Make:
    return build_comparison


@pytest.fixture
def comparison() -> Comparison:
    return build_comparison()


def build_comparison(
    *,
    seeds: int = 5,
    n_test: int = 50,
    scale: float = 1.0,
    sign: float = 1.0,
    target: str = "val_loss",
    path: str = "data/fashion_mnist.csv",
    suffix: str = "",
    factors: int = 400,
    heavy_tail: bool = False,
    undefined: Sequence[str] = (),
    warnings: Sequence[str] = (),
    combination: bool = False,
    verdict: str = "",
    seed: int = 0,
) -> Comparison:
    """Make a comparison whose numbers agree with each other.

    `scale` is the target's unit, `sign` -1 makes all predictions bad, `suffix` lengthens the methods' names,
    and the metrics named in `undefined` are NaN. With `combination`, that of both is there too.
    """
    rng = np.random.default_rng(seed)
    y = [scale * rng.gamma(2.0, 1.0, n_test) for _ in range(seeds)]
    noise = {"xgboost": 0.5, "ridge": 0.8, "mlp": 1.1}
    methods, first = [], {"row": rng.permutation(10 * n_test)[:n_test].tolist(), "y": y[0].tolist()}
    for representation, factor in (("embedding", 0.8), ("tabular", 1.0)):
        for head, size in noise.items():
            name = f"{representation} + {head}{suffix}"
            predictions = [
                sign * t + scale * factor * size * rng.normal(size=n_test) + (1 - sign) * t.mean() for t in y
            ]
            first[name] = predictions[0].tolist()
            metrics = _metrics(y, predictions, rng, undefined)
            methods.append(
                MethodResult(name, representation, head, 384, metrics, None, _chosen(head, seeds), 12.5)
            )
    if combination:
        name = f"combination{suffix}"
        predictions = [sign * t + 0.3 * scale * rng.normal(size=n_test) for t in y]
        first[name] = predictions[0].tolist()
        metrics = _metrics(y, predictions, rng, undefined)
        chosen = [_members(0.4 + 0.1 * s) for s in range(seeds)]
        methods.append(MethodResult(name, "both", "combination", 0, metrics, None, chosen, 33.3))
    first["mean of y"] = [float(y[0].mean())] * n_test
    constant = [np.full(n_test, t.mean()) for t in y]
    nothing = _metrics(y, constant, rng, undefined)
    methods.append(MethodResult("mean of y", "none", "mean", 0, nothing, None, [{}] * seeds, 0.01))
    methods.sort(key=lambda m: -np.nan_to_num(m.metrics["kendall_tau"].mean))
    best = {
        kind: next(m.name for m in methods if m.representation == kind) for kind in ("embedding", "tabular")
    }
    return Comparison(
        data={
            "path": path,
            "sha256": "9f" * 32,
            "rows": max(6000, 10 * n_test),
            "rows_used": 10 * n_test,
            "target": target,
            "input": "columns lr, batch_size, optimizer, depth",
            "distinct_inputs": 5978,
            "fields": 4,
            "target_summary": {
                "mean": float(y[0].mean()),
                "deviation": float(y[0].std()),
                "minimum": float(y[0].min()),
                "median": float(np.median(y[0])),
                "maximum": float(y[0].max()),
                "distinct": 5120,
            },
            "example_text": '{"lr": 0.00316, "batch_size": 128, "optimizer": "adamw", "depth": 18}',
        },
        settings={
            "command": f"embedreg compare {path} --target {target} --seeds {seeds}",
            "model": "minilm",
            "model_sha256": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            "serializer": "json",
            "numbers": "as_is",
            "pooling": "mean",
            "layers": "last",
            "seeds": list(range(seeds)),
            "max_rows": 10 * n_test,
            "split": [0.8, 0.1, 0.1],
            "target_transform": None,
            "bootstrap": 1000,
            "versions": {"embedreg": "0.1.0", "numpy": "2.4.0"},
        },
        methods=[_with_difference(m, best["tabular"], methods) for m in methods],
        best_embedding=best["embedding"],
        best_tabular=best["tabular"],
        verdict=verdict
        or f"On {target}, {best['embedding']} ranks unseen rows better than {best['tabular']}, by 0.05 in "
        "Kendall tau; the difference could be chance (p = 0.12).",
        smoothness=_smoothness(rng, factors, scale, heavy_tail=heavy_tail),
        smoothness_gap=0.42,
        smoothness_sentence=f"{target} is smoother over the embedding than over the features (Z = 0.42).",
        predictions=first,
        seconds={"embedding": 3.2, "features": 0.04, "heads": 81.5, "smoothness": 0.3, "total": 85.1},
        warnings=list(warnings),
        combination_sentence="The combination that `embedreg fit` makes is 0.05 ahead."
        if combination
        else "",
    )


def _members(weight: float) -> dict[str, Any]:
    """Return what a combination chose for a seed."""
    trees = {"kind": "tabular", "name": "boosted trees", "representation": "features", "head": "xgboost"}
    ridge = {"kind": "embedding", "name": "ridge on fields", "representation": "fields", "head": "ridge"}
    members = [
        trees | {"weight": weight, "kendall_tau": 0.7},
        ridge | {"weight": 1 - weight, "kendall_tau": 0.6},
    ]
    return {"effort": "fast", "folds": 5, "kendall_tau": 0.75, "members": members}


def _metrics(
    y: list[np.ndarray], predictions: list[np.ndarray], rng: np.random.Generator, undefined: Sequence[str]
) -> dict[str, Interval]:
    values: dict[str, list[float]] = {
        key: [] for key in ("kendall_tau", "spearman", "pearson", "r2", "rmse", "mae")
    }
    for actual, predicted in zip(y, predictions, strict=True):
        errors = actual - predicted
        constant = np.ptp(predicted) == 0
        tau = 0.0 if constant else kendalltau(actual, predicted).statistic
        pearson = 0.0 if constant else np.corrcoef(actual, predicted)[0, 1]
        values["kendall_tau"].append(float(tau))
        values["spearman"].append(float(np.sin(np.pi / 2 * tau)))
        values["pearson"].append(float(pearson))
        values["r2"].append(float(1 - errors.var() / actual.var()))
        values["rmse"].append(float(np.sqrt((errors**2).mean())))
        values["mae"].append(float(np.abs(errors).mean()))
    return {key: _interval([np.nan] * len(y) if key in undefined else v, rng) for key, v in values.items()}


def _interval(values: list[float], rng: np.random.Generator) -> Interval:
    mean = float(np.mean(values))
    half = abs(mean) * float(rng.uniform(0.05, 0.15))
    return Interval(mean, mean - half, mean + half, [float(v) for v in values])


def _with_difference(method: MethodResult, against: str, methods: list[MethodResult]) -> MethodResult:
    if method.name == against or method.representation == "none":
        return method
    best = next(m for m in methods if m.name == against).metrics["kendall_tau"]
    mean = method.metrics["kendall_tau"].mean - best.mean
    one_seed = len(best.per_seed) == 1
    p = float("nan") if one_seed else float(np.exp(-40 * abs(mean)))
    difference = Difference(against, mean, mean - 0.05, mean + 0.05, p, p if one_seed else min(1.0, 5 * p))
    return MethodResult(**{**vars(method), "difference": difference})


def _chosen(head: str, seeds: int) -> list[dict[str, Any]]:
    options = {
        "ridge": {"penalty": 0.1234567},
        "mlp": {"learning_rate": 0.001, "weight_decay": 0.1, "epochs": 57},
        "xgboost": {"max_depth": 4, "learning_rate": 0.05, "n_estimators": 350},
    }
    return [options[head]] * seeds


def _smoothness(
    rng: np.random.Generator, n: int, scale: float, *, heavy_tail: bool
) -> dict[str, SmoothnessResult]:
    found = {}
    for name, level in (("embedding", 0.6), ("tabular", 1.0)):
        factors = scale * level * (rng.lognormal(0, 2, n) if heavy_tail else rng.gamma(2, 1, n))
        factors[: n // 20] = 0.0
        mean, deviation = (float(factors.mean()), float(factors.std())) if n else (float("nan"), float("nan"))
        found[name] = SmoothnessResult(mean, deviation, factors.tolist(), 3)
    return found
