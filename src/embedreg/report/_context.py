"""What the page's template is filled with: all that depends on the result, as plain texts."""

from __future__ import annotations

import math
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from embedreg.report._downloads import as_json, data_files
from embedreg.report._numbers import (
    METRICS,
    TAU,
    UNDEFINED,
    decimals,
    duration,
    figures,
    interval_of,
    metric,
    p_value,
    typeset,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from embedreg.study.result import Comparison, Difference, MethodResult

_HEADINGS: Final = METRICS | {"r2": "R²"}
_PARTS: Final = ("for training", "for choosing a configuration", "for the score")


class Cell(NamedTuple):
    """A number in the page's table: how it reads, what is under it, what it is sorted by ("" for last)."""

    text: str
    under: str = ""
    sort_by: str = ""


def page_context(comparison: Comparison) -> dict[str, Any]:
    """Return everything but the figures that the template names."""
    data, settings = comparison.data, comparison.settings
    metrics = _metrics(comparison)
    return {
        "comparison": comparison,
        "file_name": PurePath(str(data.get("path", "data"))).name,
        "target": str(data.get("target", "y")),
        "facts": list(_facts(comparison)),
        "headings": _headings(metrics),
        "rows": [_row(method, metrics) for method in comparison.methods],
        "seed_count": _seed_count(comparison),
        "split": _split(settings.get("split")),
        "target_facts": list(_target_facts(data.get("target_summary") or {})),
        "smoothness": [_smoothness_row(name, found) for name, found in comparison.smoothness.items()],
        "has_factors": any(found.factors for found in comparison.smoothness.values()),
        "gap": typeset(decimals(comparison.smoothness_gap, sign=True)),
        "combination": _combination(comparison),
        "chosen": [(method.name, _configurations(method.chosen)) for method in comparison.methods],
        "settings_json": as_json(settings),
        "seconds": [f"{stage} {duration(seconds)}" for stage, seconds in comparison.seconds.items()],
        "files": data_files(comparison),
    }


def _metrics(comparison: Comparison) -> list[str]:
    """Return the columns: Kendall tau, the other metrics we know in their order, then any others taken."""
    taken = dict.fromkeys(key for method in comparison.methods for key in method.metrics)
    return list(dict.fromkeys([TAU, *(key for key in METRICS if key in taken), *taken]))


def _seed_count(comparison: Comparison) -> int:
    return max((len(i.per_seed) for method in comparison.methods for i in method.metrics.values()), default=0)


def _facts(comparison: Comparison) -> Iterable[tuple[str, str]]:
    """Give the small line of facts, leaving out what is not known."""
    data, settings = comparison.data, comparison.settings
    rows, used = data.get("rows"), data.get("rows_used")
    partly = rows is not None and used is not None and used != rows
    facts = {
        "rows": f"{used:,} of {rows:,}" if partly else _count(rows),
        "fields": _count(data.get("fields")),
        "distinct inputs": _count(data.get("distinct_inputs")),
        "model": settings.get("model"),
        "seeds": _count(_seed_count(comparison)),
        "split": "/".join(f"{100 * share:g}" for share in settings.get("split") or ()),
        "date": settings.get("date"),
        "embedreg": (settings.get("versions") or {}).get("embedreg"),
    }
    return ((name, str(fact)) for name, fact in facts.items() if fact)


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _headings(metrics: list[str]) -> list[str]:
    first, *others = (_HEADINGS.get(key, key) for key in metrics)
    return [first, "Difference in tau", "p", *others, "Vector length", "Time"]


def _row(method: MethodResult, metrics: list[str]) -> dict[str, Any]:
    return {
        "name": method.name,
        "representation": method.representation,
        "cells": [
            *(_metric_cell(method, key) for key in metrics[:1]),
            *_difference_cells(method.difference),
            *(_metric_cell(method, key) for key in metrics[1:]),
            Cell(f"{method.dimension:,}", sort_by=str(method.dimension)) if method.dimension else Cell(""),
            Cell(duration(method.seconds), sort_by=repr(method.seconds)),
        ],
    }


def _metric_cell(method: MethodResult, key: str) -> Cell:
    found = interval_of(method, key)
    if found is None:
        return Cell(UNDEFINED)
    between = f"{typeset(metric(key, found.low))} to {typeset(metric(key, found.high))}"
    return Cell(typeset(metric(key, found.mean)), between, repr(float(found.mean)))


def _difference_cells(difference: Difference | None) -> tuple[Cell, Cell]:
    if difference is None:
        return Cell(""), Cell("")
    if math.isnan(difference.mean):
        return Cell(UNDEFINED), Cell(UNDEFINED)
    mean, low, high = (
        typeset(decimals(value, sign=True)) for value in (difference.mean, difference.low, difference.high)
    )
    if math.isnan(difference.p):
        return Cell(mean, f"{low} to {high}", repr(float(difference.mean))), Cell(UNDEFINED)
    p = Cell(p_value(difference.p_adjusted), f"({p_value(difference.p)})", repr(float(difference.p_adjusted)))
    return Cell(mean, f"{low} to {high}", repr(float(difference.mean))), p


def _split(shares: Any) -> str:
    """Return a split in words: "80% for training, 10% for choosing a configuration, 10% for the score"."""
    if not shares:
        return "parts for training, for choosing a configuration and for the score"
    return ", ".join(f"{100 * share:g}% {part}" for share, part in zip(shares, _PARTS, strict=True))


def _target_facts(summary: dict[str, float]) -> Iterable[str]:
    for name, value in summary.items():
        yield f"{name} {value:,}" if name == "distinct" else f"{name} {typeset(figures(value))}"


def _smoothness_row(name: str, found: Any) -> dict[str, str]:
    return {
        "name": name,
        "mean": typeset(figures(found.mean)),
        "deviation": typeset(figures(found.deviation)),
        "without_factor": f"{found.without_factor:,}",
        "repeated": f"{found.repeated:,}",
    }


def _combination(comparison: Comparison) -> dict[str, Any] | None:
    """Return what the combination of the first seed is made of, or None if there is no combination."""
    found = next((method for method in comparison.methods if method.representation == "both"), None)
    if found is None:
        return None
    first = found.chosen[0]
    return {
        "effort": first["effort"],
        "folds": first["folds"],
        "out_of_fold": typeset(decimals(first["kendall_tau"])),
        "members": [
            member | {"share": f"{member['weight']:.2f}", "tau": typeset(decimals(member["kendall_tau"]))}
            for member in first["members"]
        ],
    }


def _configurations(chosen: list[dict[str, Any]]) -> list[str]:
    """Return a line for each different configuration, with the seeds that chose it."""
    seeds: dict[str, list[str]] = {}
    for number, configuration in enumerate(chosen):
        seeds.setdefault(_configuration(configuration), []).append(str(number))
    if len(seeds) == 1:
        return list(seeds)
    return [f"{text} (seed {', '.join(numbers)})" for text, numbers in seeds.items()]


def _configuration(chosen: dict[str, Any]) -> str:
    if "members" in chosen:
        chosen = {member["name"]: member["weight"] for member in chosen["members"]}
    values = (
        f"{key} = {value:.4g}" if isinstance(value, float) else f"{key} = {value}"
        for key, value in chosen.items()
    )
    return ", ".join(values) or "nothing to choose"
